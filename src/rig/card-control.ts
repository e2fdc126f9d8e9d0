import type { ClockDomain, ControlOutcome, GpuControl, GpuSettings, SettingsWish } from "../gpu/source.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { withDeadline } from "../lib/wait.ts";
import { type Watts, watts } from "../units/energy.ts";
import { type Millis, millis, seconds } from "../units/time.ts";
import { unlessAborted } from "../workloads/unless-aborted.ts";
import type { LimitClaim } from "./own-claim.ts";

const CALL_TIMEOUT = seconds(5);

/** Why one setting is not as it should be. */
export interface Miss {
  readonly what: string;
  readonly reason: string;
  /** Nothing was changed; without it nobody knows what is in force. */
  readonly isUnchanged: boolean;
  /** Trying again changes nothing. */
  readonly isFinal: boolean;
  /** Another value might be taken. */
  readonly isRange?: true;
  readonly isUnsupported?: true;
  /** Nothing answered: what else is asked for would not be answered either. */
  readonly isSilent?: true;
}

/** What can be set, and set back, by itself. */
export type Setting = keyof SettingsWish;
export const SETTINGS: readonly Setting[] = ["powerLimit", "graphicsMhz", "memoryMhz"];

export const sayMisses = (misses: readonly Miss[]): string =>
  misses.map(({ what, reason }) => `${what}: ${reason}`).join("; ");

const LIMIT = "power limit";

export interface CardControlParts {
  readonly gpu: GpuUuid;
  readonly clock: Pick<Clock, "monotonic">;
  readonly control: GpuControl;
  readonly claim?: LimitClaim;
  readonly logger: Logger;
}

/**
 * Sets limit and clocks of one GPU, and knows which limit came of it. Power is claimed before the limit rises, and let go
 * of only once the driver tells that a lower one is in force.
 */
export class CardControl {
  readonly #parts: CardControlParts;
  #limit: Watts | undefined;
  #changedAt = millis(Number.NEGATIVE_INFINITY);

  constructor(parts: CardControlParts) {
    this.#parts = parts;
  }

  /** In force by our doing; undefined where nothing was changed, or where nobody knows what came of it. */
  get limit(): Watts | undefined {
    return this.#limit;
  }

  /** When it last may have changed, on the monotonic clock. */
  get changedAt(): Millis {
    return this.#changedAt;
  }

  /** Somebody else set the limit. */
  saw(limit: Watts): void {
    this.#limit = limit;
  }

  /** The limit is as it was found. */
  forget(): void {
    this.#limit = undefined;
  }

  /** Throws at once when `signal` fires, whatever the driver does then. */
  async read(signal: AbortSignal): Promise<GpuSettings> {
    const { control, gpu } = this.#parts;
    signal.throwIfAborted();
    const settings = await unlessAborted(control.readSettings(gpu, deadlineOf(control, signal)), signal);
    if (settings === "aborted") throw new Error(CUT);
    return settings;
  }

  /** Undefined once it is in force. */
  setLimit(limit: Watts, signal: AbortSignal): Promise<Miss | undefined> {
    const { control, gpu } = this.#parts;
    const act = () => this.#set(LIMIT, (on) => control.setPowerLimit(gpu, limit, on), signal);
    return this.#limited(limit, act, signal);
  }

  /** All of it, the limit first, in as few calls as can be; returns why for what is not in force. */
  async setAll(wish: SettingsWish, signal: AbortSignal): Promise<ReadonlyMap<Setting, Miss>> {
    const { control, gpu } = this.#parts;
    const { powerLimit, graphicsMhz, memoryMhz } = wish;
    const wanted = SETTINGS.filter((one) => wish[one] !== undefined);
    const setAll = control.setAll?.bind(control);
    if (setAll !== undefined && wanted.length > 1) {
      const act = () => this.#set("limit and clocks", (on) => setAll(gpu, wish, on), signal);
      const miss = powerLimit === undefined ? await act() : await this.#limited(powerLimit, act, signal);
      if (miss === undefined) return new Map();
      if (miss.isSilent || signal.aborted) return new Map(wanted.map((one) => [one, miss]));
    }
    const misses = new Map<Setting, Miss | undefined>();
    if (powerLimit !== undefined) misses.set("powerLimit", await this.setLimit(powerLimit, signal));
    const silent = misses.get("powerLimit");
    if (silent?.isSilent) return new Map(wanted.map((one) => [one, silent]));
    misses.set("graphicsMhz", await this.#fix("graphics", graphicsMhz, signal));
    misses.set("memoryMhz", await this.#fix("memory", memoryMhz, signal));
    return new Map([...misses].flatMap(([one, miss]) => (miss === undefined ? [] : [[one, miss]])));
  }

  #fix(domain: ClockDomain, mhz: number | undefined, signal: AbortSignal): Promise<Miss | undefined> {
    const { control, gpu } = this.#parts;
    if (mhz !== 0) return this.lock(domain, mhz, signal);
    return this.#set(`${domain} clock`, (on) => control.resetClocks(gpu, domain, on), signal);
  }

  /** `act` sets the limit. */
  async #limited(limit: Watts, act: () => Promise<Miss | undefined>, signal: AbortSignal): Promise<Miss | undefined> {
    const { claim, clock } = this.#parts;
    const before = claim?.now;
    const refusal = claim?.raise(limit);
    if (refusal !== undefined)
      return this.#complain({ what: LIMIT, reason: refusal, isUnchanged: true, isFinal: false });
    const miss = await act();
    this.#changedAt = clock.monotonic();
    if (miss?.isUnchanged) {
      if (before !== undefined) claim?.lowered(before);
      return miss;
    }
    this.#limit = miss === undefined ? limit : undefined;
    return miss ?? (claim?.isLimited ? await this.#confirm(limit, claim, signal) : undefined);
  }

  /** To one value; nothing to do without one. */
  async lock(domain: ClockDomain, mhz: number | undefined, signal: AbortSignal): Promise<Miss | undefined> {
    if (mhz === undefined) return undefined;
    const { control, gpu } = this.#parts;
    const lock = { domain, lowestMhz: mhz, highestMhz: mhz };
    return await this.#set(`${domain} clock`, (on) => control.lockClocks(gpu, lock, on), signal);
  }

  /** Others live on what a lower limit frees: the driver has to tell it. */
  async #confirm(limit: Watts, claim: LimitClaim, signal: AbortSignal): Promise<Miss | undefined> {
    const told = await this.#readLimit(signal);
    // The tightest of several limits may be told: the one that was set is what the GPU may come to draw.
    const now = told === undefined ? undefined : watts(Math.max(told, limit));
    this.#limit = now;
    if (now === undefined) return this.#complain(UNCONFIRMED);
    claim.lowered(now);
    if (now <= limit + 1) return undefined;
    const reason = `${limit} W were set, and ${now} W are in force`;
    return this.#complain({ what: LIMIT, reason, isUnchanged: false, isFinal: false });
  }

  async #readLimit(signal: AbortSignal): Promise<Watts | undefined> {
    try {
      return (await this.read(signal)).powerLimit;
    } catch {
      // Said as a limit that is not confirmed.
      return undefined;
    }
  }

  /** Undefined when it is set; at once when `signal` fires, whatever the driver does then. */
  async #set(
    what: string,
    call: (signal: AbortSignal) => Promise<ControlOutcome>,
    signal: AbortSignal,
  ): Promise<Miss | undefined> {
    if (signal.aborted) return { what, reason: CUT, isUnchanged: true, isFinal: false };
    try {
      const outcome = await unlessAborted(call(deadlineOf(this.#parts.control, signal)), signal);
      if (outcome === "aborted") return { what, reason: CUT, isUnchanged: false, isFinal: false };
      return outcome.kind === "done" ? undefined : this.#complain(toMiss(what, outcome));
    } catch (error) {
      if (signal.aborted) return { what, reason: CUT, isUnchanged: false, isFinal: false };
      return this.#complain({ what, reason: messageOf(error), isUnchanged: false, isFinal: false });
    }
  }

  #complain(miss: Miss): Miss {
    const { gpu, logger } = this.#parts;
    logger.warn(`the GPU's ${miss.what} cannot be set`, { gpu, reason: miss.reason });
    return miss;
  }
}

/** The GPU is wanted for something else first, or the agent stops. */
const CUT = "there was no time for it";

const UNCONFIRMED: Miss = {
  what: LIMIT,
  reason: "what was set cannot be read back, so power stays claimed for the one of before",
  isUnchanged: false,
  isFinal: false,
};

/** One that serves calls in turn counts the time of each itself. */
const deadlineOf = ({ keepsTime }: GpuControl, signal: AbortSignal): AbortSignal =>
  keepsTime === true ? signal : withDeadline(signal, CALL_TIMEOUT);

/** What a driver means, for people. */
function toMiss(what: string, outcome: Exclude<ControlOutcome, { kind: "done" }>): Miss {
  if (outcome.kind === "refused") return { what, isUnchanged: true, isFinal: true, ...refusalOf(what)[outcome.reason] };
  if (outcome.kind === "failed")
    return { what, reason: `the driver failed (${outcome.returnCode})`, isUnchanged: false, isFinal: false };
  const reason = "the driver does not say whether it was set";
  return { what, reason, isUnchanged: false, isFinal: false, isSilent: true };
}

type Refused = Extract<ControlOutcome, { kind: "refused" }>["reason"];

const refusalOf = (what: string): Readonly<Record<Refused, Pick<Miss, "reason" | "isRange" | "isUnsupported">>> => ({
  "no-permission": { reason: "the driver lets only root set it: run the agent as root" },
  "not-supported": { reason: `the driver offers no ${what} for this GPU`, isUnsupported: true },
  "out-of-range": {
    reason: `the driver takes no such ${what === LIMIT ? "limit" : "clock"} for this GPU`,
    isRange: true,
  },
});
