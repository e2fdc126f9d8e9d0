import type { ClockDomain, ControlOutcome, GpuControl } from "../gpu/source.ts";
import type { FoundRow } from "../ledger/found-settings.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { withDeadline } from "../lib/wait.ts";
import { type Watts, watts } from "../units/energy.ts";
import { seconds } from "../units/time.ts";

const CALL_TIMEOUT = seconds(5);

/** How one GPU is set while it does one kind of work; absent settings stay as they are. */
export interface Profile {
  readonly role: "hashing" | "serving";
  readonly powerLimit?: Watts | undefined;
  readonly graphicsMhz?: number | undefined;
  readonly memoryMhz?: number | undefined;
  /** Whether the power limit may be set above the one that was found. */
  readonly mayRaise: boolean;
}

/** Power limits that a GPU may be given, and the one it works with when nobody measures. */
export interface LimitRange {
  readonly standing: Watts;
  readonly lowest: Watts;
  /** As found, or as a profile may raise it. */
  readonly highest: Watts;
}

/** `isFinal`: no other limit would be taken either. */
export interface Refusal {
  readonly reason: string;
  readonly isFinal: boolean;
}

export interface TunerParts {
  readonly gpu: GpuUuid;
  /** Absent where nothing can be set. */
  readonly control: GpuControl | undefined;
  readonly profiles: readonly Profile[];
  readonly ledger: Pick<Ledger, "foundSettings">;
  readonly logger: Logger;
}

/**
 * Sets one GPU's power limit and clocks for its work, and back to what was found. What was found is on disk before
 * anything is changed, so that also the next agent can restore it. Owned by the GPU's loop.
 */
export class Tuner {
  readonly #parts: TunerParts;
  /** True also when an earlier agent was killed while its profile was in force. */
  #isApplied: boolean;
  /** Its profiles may have been others: what it locked is not known. */
  readonly #isInherited: boolean;
  /** `isAlone`: no profile is in force beside it, so that setting the limit back sets everything back. */
  #held: { readonly limit: Watts; readonly role: Profile["role"]; readonly isAlone: boolean } | undefined;

  constructor(parts: TunerParts) {
    this.#parts = parts;
    this.#isApplied = parts.ledger.foundSettings.of(parts.gpu) !== undefined;
    this.#isInherited = this.#isApplied;
  }

  /** Whether something of ours is in force. */
  get isApplied(): boolean {
    return this.#isApplied;
  }

  /** The most that the power limit may come to: as it was found, or as a profile raises it; undefined where neither is known. */
  get highestLimit(): Watts | undefined {
    const { control, profiles, gpu, ledger } = this.#parts;
    const raised = profiles.flatMap(({ mayRaise, powerLimit }) => (mayRaise && powerLimit ? [powerLimit] : []));
    const known = [ledger.foundSettings.of(gpu)?.powerLimit ?? [], control === undefined ? [] : raised].flat();
    return known.length === 0 ? undefined : watts(Math.max(...known));
  }

  /** What a benchmark holds in place of a profile's limit. */
  get held(): Watts | undefined {
    return this.#held?.limit;
  }

  /** How far a benchmark may go, and where the limit stands at work; undefined where the GPU tells no limit. */
  async limits(role: Profile["role"], signal: AbortSignal): Promise<LimitRange | undefined> {
    const { control, gpu, ledger, profiles } = this.#parts;
    if (control === undefined) return undefined;
    const settings = await control.readSettings(gpu, deadlineOf(control, signal));
    const {
      powerLimit: now,
      lowestPowerLimit: lowest = watts(0),
      highestPowerLimit = watts(Number.POSITIVE_INFINITY),
    } = settings;
    const found = ledger.foundSettings.of(gpu)?.powerLimit ?? now;
    if (found === undefined) return undefined;
    const standing = standingOf(profiles, role, found);
    return { standing, lowest, highest: watts(Math.min(highestPowerLimit, Math.max(found, standing))) };
  }

  /** Sets `limit` until `letGo`, or until the work ends; returns why it cannot be set. What was found is on disk before. */
  async hold(limit: Watts, role: Profile["role"], signal: AbortSignal): Promise<Refusal | undefined> {
    const { control, gpu, ledger } = this.#parts;
    if (control === undefined) return { reason: "it cannot be set from here", isFinal: true };
    const known = ledger.foundSettings.of(gpu);
    const found = known ?? (await this.#readFound(control, signal));
    if (found.powerLimit === undefined)
      return { reason: "it cannot be read, so it could not be set back", isFinal: true };
    const before = this.#held;
    ledger.foundSettings.remember(gpu, found);
    this.#isApplied = true;
    this.#held = { limit, role, isAlone: before?.isAlone ?? known === undefined };
    const reason = await refusalOf((on) => control.setPowerLimit(gpu, limit, on), deadlineOf(control, signal));
    if (reason === undefined) return undefined;
    // A refusal changed nothing; after anything else the limit in force is not known.
    if (before !== undefined && reason in REFUSALS) this.#held = before;
    else if (reason in REFUSALS) this.#release();
    else await this.letGo(signal);
    return { reason: REFUSALS[reason] ?? reason, isFinal: reason === "no-permission" || reason === "not-supported" };
  }

  /** Back to the profile's limit, or to what was found; false where that failed, which is tried again. */
  async letGo(signal: AbortSignal): Promise<boolean> {
    const { control, profiles, gpu, ledger } = this.#parts;
    const found = ledger.foundSettings.of(gpu)?.powerLimit;
    if (control !== undefined && this.#held !== undefined && found !== undefined) {
      const limit = standingOf(profiles, this.#held.role, found);
      if (!(await this.#limit(control, limit, signal))) return false;
    }
    this.#release();
    return true;
  }

  /** Nothing of a benchmark's is in force any more. */
  #release(): void {
    const { gpu, ledger } = this.#parts;
    if (this.#held?.isAlone) {
      ledger.foundSettings.forget(gpu);
      this.#isApplied = false;
    }
    this.#held = undefined;
  }

  /** Only for a GPU whose load has started or is about to; a setting that is refused is logged, and work goes on. */
  async apply(role: Profile["role"], signal: AbortSignal): Promise<void> {
    const { control, profiles, gpu, ledger } = this.#parts;
    this.#held = undefined;
    const profile = profiles.find((one) => one.role === role);
    if (control === undefined || profile === undefined) return;
    const found = ledger.foundSettings.of(gpu) ?? (await this.#readFound(control, signal));
    ledger.foundSettings.remember(gpu, found);
    this.#isApplied = true;
    const { powerLimit: wanted, graphicsMhz, memoryMhz } = profile;
    const limit = wanted !== undefined && found.powerLimit !== undefined ? found.powerLimit : undefined;
    // A limit that was not read cannot be restored, so it is not changed.
    if (wanted !== undefined && limit !== undefined)
      await this.#limit(control, bounded(wanted, profile, limit), signal);
    await this.#lock(control, "graphics", graphicsMhz, signal);
    await this.#lock(control, "memory", memoryMhz, signal);
  }

  /** Only for a GPU whose load has stopped. What cannot be restored now is tried again the next time. */
  async restore(signal: AbortSignal): Promise<void> {
    const { control, gpu, ledger } = this.#parts;
    const found = ledger.foundSettings.of(gpu);
    if (control === undefined || found === undefined) return;
    const { graphicsLockMhz, memoryLockMhz } = found;
    const graphics = await this.#unlock(control, "graphics", graphicsLockMhz, signal);
    const done = [graphics, await this.#unlock(control, "memory", memoryLockMhz, signal)];
    if (found.powerLimit !== undefined) done.push(await this.#limit(control, found.powerLimit, signal));
    if (done.includes(false)) return;
    this.#held = undefined;
    ledger.foundSettings.forget(gpu);
    this.#isApplied = false;
  }

  #limit(control: GpuControl, limit: Watts, signal: AbortSignal): Promise<boolean> {
    return this.#set("power limit", (on) => control.setPowerLimit(this.#parts.gpu, limit, on), signal);
  }

  /** A GPU whose clocks cannot be locked has none to unlock; what somebody else had locked is locked again. */
  async #unlock(
    control: GpuControl,
    domain: ClockDomain,
    found: number | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { gpu, profiles } = this.#parts;
    const mayBeLocked = profiles.some((one) => (domain === "graphics" ? one.graphicsMhz : one.memoryMhz) !== undefined);
    if (!mayBeLocked && !this.#isInherited) return true;
    if (found !== undefined && found > 0) return await this.#lock(control, domain, found, signal);
    let isUnknown = false;
    const isReset = await this.#set(
      `${domain} clock`,
      async (on) => {
        const outcome = await control.resetClocks(gpu, domain, on);
        isUnknown = outcome.kind === "refused" && outcome.reason === "not-supported";
        return outcome;
      },
      signal,
    );
    return isReset || (isUnknown && !mayBeLocked);
  }

  async #readFound(control: GpuControl, signal: AbortSignal): Promise<FoundRow> {
    const { gpu, logger } = this.#parts;
    try {
      const { powerLimit, ...rest } = await control.readSettings(gpu, deadlineOf(control, signal));
      return { powerLimit, graphicsLockMhz: rest.graphicsLockMhz, memoryLockMhz: rest.memoryLockMhz };
    } catch (error) {
      logger.warn("the GPU's power limit cannot be read", { gpu, reason: messageOf(error) });
      return { powerLimit: undefined };
    }
  }

  async #lock(
    control: GpuControl,
    domain: ClockDomain,
    mhz: number | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (mhz === undefined) return true;
    const lock = { domain, lowestMhz: mhz, highestMhz: mhz };
    return await this.#set(`${domain} clock`, (on) => control.lockClocks(this.#parts.gpu, lock, on), signal);
  }

  /** True when it is set. */
  async #set(
    what: string,
    call: (signal: AbortSignal) => Promise<ControlOutcome>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { gpu, logger } = this.#parts;
    const reason = await refusalOf(call, deadlineOf(this.#parts.control, signal));
    if (reason !== undefined) logger.warn(`the GPU's ${what} cannot be set`, { gpu, reason });
    return reason === undefined;
  }
}

/** One that serves calls in turn counts the time of each itself. */
const deadlineOf = (control: GpuControl | undefined, signal: AbortSignal): AbortSignal =>
  control?.keepsTime === true ? signal : withDeadline(signal, CALL_TIMEOUT);

/** What a driver means, for people. */
const REFUSALS: Readonly<Record<string, string>> = {
  "no-permission": "the driver lets only root set it: run the agent as root",
  "not-supported": "the driver offers no power limit for this GPU",
  "out-of-range": "the driver takes no such limit for this GPU",
};

/** Why the call changed nothing; undefined when it did what it should. */
async function refusalOf(
  call: (signal: AbortSignal) => Promise<ControlOutcome>,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const outcome = await call(signal);
    if (outcome.kind === "done") return undefined;
    return outcome.kind === "refused" ? outcome.reason : outcome.kind;
  } catch (error) {
    return messageOf(error);
  }
}

/** What the profile for this work sets, or what was found. */
function standingOf(profiles: readonly Profile[], role: Profile["role"], found: Watts): Watts {
  const profile = profiles.find((one) => one.role === role);
  return profile?.powerLimit === undefined ? found : bounded(profile.powerLimit, profile, found);
}

const bounded = (wanted: Watts, { mayRaise }: Profile, found: Watts): Watts =>
  mayRaise ? wanted : watts(Math.min(wanted, found));
