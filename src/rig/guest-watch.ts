import type { Clock } from "../lib/clock.ts";
import { after, elapsed, type Millis, seconds, type UnixMs } from "../units/time.ts";
import type { GpuUser } from "./roster.ts";

/** Our own work shows for a moment as nobody's while it starts or ends. */
const CONFIRMED = seconds(1.5);

export interface Guest {
  /** Absent for a container that was promised the GPU and has no process on it yet. */
  readonly pid?: number;
  readonly name: string;
}

export interface GuestRules {
  /** Names of programs and containers that use a GPU a little and for good, such as a desktop's or a monitor's. */
  readonly ignore: readonly string[];
  readonly coolDown: Millis;
}

/** Desktops and the driver's own helpers: they are no renters. */
export const DESKTOP_PROGRAMS: readonly string[] = [
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

/** Who else is on the GPU. A guest is there once confirmed, and until it has been away for the cool-down. */
export class GuestWatch {
  readonly #rules: GuestRules;
  readonly #steady: Clock;
  #first: UnixMs | undefined;
  #last: UnixMs | undefined;
  #guest: Guest | undefined;
  #claims: readonly Guest[] = [];

  constructor(rules: GuestRules, steady: Clock) {
    this.#rules = rules;
    this.#steady = steady;
  }

  /** Takes one reading's strangers, undefined where it lists no processes; `nameOf` tells their programs. */
  saw(strangers: readonly GpuUser[] | undefined, nameOf: (pid: number) => string): void {
    const now = this.#steady.now();
    const processes = (strangers ?? []).map(({ pid }) => ({ pid, name: nameOf(pid) }));
    const found = [...processes, ...this.#claims].find(({ name }) => !this.#rules.ignore.includes(name));
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

  /** The containers of others that were promised this GPU; each counts as if it were on it. */
  claimed(names: readonly string[]): void {
    this.#claims = names.map((name) => ({ name }));
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
