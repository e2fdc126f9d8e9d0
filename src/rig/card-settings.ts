import type { Workload } from "../ledger/rows.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import { after, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { UNMEASURED } from "./left-load.ts";
import type { MeterBook } from "./meter-book.ts";
import type { Outcome } from "./outcome.ts";
import type { OwnClaim } from "./own-claim.ts";
import { REST } from "./power-budget.ts";
import type { RateBook } from "./rates.ts";
import type { Profile, Tuner } from "./tuner.ts";

export interface CardSettingsParts {
  /** Deaf to being set. */
  readonly steady: Clock;
  readonly meter: Pick<MeterBook, "latest">;
  readonly rates: Pick<RateBook, "workingPower" | "power">;
  readonly tuner: Tuner;
  readonly claim: OwnClaim;
}

const RESTORE_EVERY = seconds(30);
const RETRY_FIRST = seconds(10);
const RETRY_LAST = minutes(5);
/** A reading may be older than its arrival says. */
const READING_LAG = seconds(3);

/** The role of a profile for this work; undefined for what is not ours. */
const roleOf = (workload: Workload): Profile["role"] | undefined => {
  if (workload === "hashing") return "hashing";
  return workload === "inference" ? "serving" : undefined;
};

/**
 * Limit and clocks of one GPU together with the power that it claims: never less is claimed than the limit in force lets
 * the GPU's load draw. Only the GPU's custody calls it.
 */
export class CardSettings {
  readonly #parts: CardSettingsParts;
  readonly #backoff: Backoff = createBackoff(RETRY_FIRST, RETRY_LAST);
  #restoreAt: UnixMs = unixMs(0);
  #retryAt: UnixMs = unixMs(0);

  constructor(parts: CardSettingsParts) {
    this.#parts = parts;
    parts.claim.expect({ most: () => this.#forOthers, atRest: () => this.#resting });
  }

  /** Sets back what an agent that was killed had set; under a power budget once that is known which load it left. */
  async begin(signal: AbortSignal): Promise<void> {
    const { tuner, claim } = this.#parts;
    if (tuner.isApplied && !claim.isHeld) await tuner.restore(signal);
  }

  /** With every look: what could not be set is tried again, ever more rarely; what could not be set back, twice a minute. */
  async keep(workload: Workload, signal: AbortSignal): Promise<void> {
    const { tuner, steady, claim } = this.#parts;
    this.#notice();
    const now = steady.now();
    if (roleOf(workload) !== undefined) {
      if (!tuner.isLacking || now < this.#retryAt) return;
      this.#retryAt = after(now, this.#backoff.next());
      return await tuner.retry(signal);
    }
    if (!tuner.isApplied || claim.isHeld || now < this.#restoreAt) return;
    this.#restoreAt = after(now, RESTORE_EVERY);
    await tuner.restore(signal);
  }

  /** Waits until the rig has the power that this work may come to draw; a profile that lowers the limit does so before. */
  async claimFor(workload: Workload, signal: AbortSignal): Promise<Outcome> {
    const { tuner, claim } = this.#parts;
    const role = roleOf(workload);
    if (role !== undefined) await tuner.limitAhead(role, signal);
    const outcome = await claim.claim(this.#mostFor(role), signal);
    // What is not ours gets the card as it was found, also where that had no room before.
    if (outcome.kind === "done" && role === undefined && tuner.isApplied) await tuner.restore(signal);
    return outcome;
  }

  /** After a handover. */
  settle(workload: Workload, isStopped: boolean): void {
    const { claim, steady } = this.#parts;
    claim.settle(workload, isStopped, { atMost: this.#mostFor(roleOf(workload)), resting: this.#resting });
    this.#backoff.reset();
    this.#retryAt = after(steady.now(), this.#backoff.next());
  }

  get #resting(): Watts {
    return this.#parts.rates.power("resting") ?? REST;
  }

  /** The limit in force or to come. */
  #mostFor(role: Profile["role"] | undefined): Watts {
    const { tuner } = this.#parts;
    return watts(Math.max(tuner.inForce ?? this.#told, tuner.mayComeTo(role) ?? 0));
  }

  /** What is not ours gets the limit back that was found, however it is set now. */
  get #forOthers(): Watts {
    return this.#parts.tuner.found ?? this.#told;
  }

  /** The limit as read; where none is known, what it was seen to draw and a quarter more. */
  get #told(): Watts {
    const { meter, rates } = this.#parts;
    const seen = rates.workingPower;
    return meter.latest.reading?.powerLimit ?? (seen === undefined ? UNMEASURED : watts(1.25 * seen));
  }

  /** A limit can be raised by a reload of the driver, by Hive OS, or by hand. */
  #notice(): void {
    const { meter, tuner, claim } = this.#parts;
    const { reading } = meter.latest;
    if (reading?.powerLimit === undefined || reading.monotonic < tuner.changedAt + READING_LAG) return;
    tuner.notice(reading.powerLimit);
    claim.exceeded(reading.powerLimit);
  }
}
