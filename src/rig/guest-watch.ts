import type { Clock } from "../lib/clock.ts";
import { after, elapsed, type Millis, millis, seconds, type UnixMs, unixMs } from "../units/time.ts";
import type { GpuUser, Roster } from "./roster.ts";

/** Our own work shows for a moment as nobody's while it starts or ends. */
const CONFIRMED = seconds(1.5);

export interface Guest {
  /** Absent for a container that was promised the GPU and has no process on it yet. */
  readonly pid?: number;
  readonly name: string;
}

export interface GuestRules {
  /** Names of programs and containers that use a GPU a little and for good, such as a monitor's. */
  readonly ignore: readonly string[];
  readonly coolDown: Millis;
  /** How long a container that was promised every GPU counts as a guest without using this one. */
  readonly promise: Millis;
}

/** A container of others that was promised this GPU. */
export interface Claim {
  readonly container: string;
  readonly name: string;
  /** It was promised every GPU, as monitors are, and not this one by name. */
  readonly isForAll: boolean;
  /** Since it was started; absent where that is not known. */
  readonly age?: Millis;
}

/** Desktops and the driver's own helpers: they are no renters. */
const DESKTOP_PROGRAMS: readonly string[] = [
  "Xorg",
  "Xwayland",
  "gnome-shell",
  "kwin_wayland",
  "kwin_x11",
  "plasmashell",
  "sddm-greeter",
  "nvidia-cuda-mps",
  "nvidia-persiste",
];

interface SeenClaim extends Claim {
  /** When it was started, or last seen on the GPU. */
  readonly activeAt: UnixMs;
}

/** Who else is on the GPU. A guest is there once confirmed, and until it has been away for the cool-down. */
export class GuestWatch {
  readonly #rules: GuestRules;
  readonly #steady: Clock;
  #first: UnixMs | undefined;
  #last: UnixMs | undefined;
  #guest: Guest | undefined;
  #claims: readonly SeenClaim[] = [];

  constructor(rules: GuestRules, steady: Clock) {
    this.#rules = rules;
    this.#steady = steady;
  }

  /** Takes one reading's strangers, undefined where it lists no processes. */
  saw(strangers: readonly GpuUser[] | undefined, roster: Pick<Roster, "nameOf" | "isInstalledProgram" | "isIn">): void {
    const now = this.#steady.now();
    const users = strangers ?? [];
    this.#claims = this.#claims.map((claim) =>
      claim.isForAll && users.some(({ pid }) => roster.isIn(pid, claim.container))
        ? { ...claim, activeAt: now }
        : claim,
    );
    const program = users.find((user) => !this.#isHarmless(user, roster));
    const found = program === undefined ? this.#claimant(now) : { pid: program.pid, name: roster.nameOf(program.pid) };
    if (found === undefined) {
      // Whoever was on it a moment ago, and cannot be looked for, has not left.
      if (strangers === undefined && this.#first !== undefined && this.#guest?.pid !== undefined) this.#last = now;
      else this.#first = undefined;
      return;
    }
    this.#first ??= now;
    if (this.#guest === undefined && elapsed(this.#first, now) < CONFIRMED) return;
    this.#guest = found;
    this.#last = now;
  }

  /** A name that the operator gave is taken as it stands; that of a desktop's program must be borne by that program. */
  #isHarmless({ pid, onlyDraws }: GpuUser, roster: Pick<Roster, "nameOf" | "isInstalledProgram">): boolean {
    const name = roster.nameOf(pid);
    if (this.#rules.ignore.includes(name)) return true;
    return DESKTOP_PROGRAMS.includes(name) && (roster.isInstalledProgram(pid, name) ?? onlyDraws === true);
  }

  /** Those that are no programs which may stay. */
  unknown(strangers: readonly GpuUser[], roster: Pick<Roster, "nameOf" | "isInstalledProgram">): readonly GpuUser[] {
    return strangers.filter((user) => !this.#isHarmless(user, roster));
  }

  #claimant(now: UnixMs): Guest | undefined {
    const { ignore, promise } = this.#rules;
    const counts = ({ name, isForAll, activeAt }: SeenClaim) =>
      !ignore.includes(name) && (!isForAll || elapsed(activeAt, now) < promise);
    const claim = this.#claims.find(counts);
    return claim && { name: claim.name };
  }

  /**
   * The containers of others that were promised this GPU; each counts as if it were on it. One that was promised every
   * GPU, and then does not use this one, is taken to watch only, until it does.
   */
  claimed(claims: readonly Claim[]): void {
    const now = this.#steady.now();
    this.#claims = claims.map((claim) => {
      const known = this.#claims.find(({ container }) => container === claim.container);
      return { ...claim, activeAt: known?.activeAt ?? unixMs(now - (claim.age ?? millis(0))) };
    });
  }

  /** Who was taken for a guest is found to be ours. */
  forget(): void {
    this.#first = undefined;
    this.#guest = undefined;
  }

  /** Who has the GPU; undefined once it may be ours again. */
  get guest(): (Guest & { readonly until: UnixMs | undefined }) | undefined {
    const [guest, last] = [this.#guest, this.#last];
    if (guest === undefined || last === undefined) return undefined;
    if (this.#first !== undefined) return { ...guest, until: undefined };
    const until = after(last, this.#rules.coolDown);
    if (elapsed(this.#steady.now(), until) > 0) return { ...guest, until };
    this.#guest = undefined;
    return undefined;
  }
}
