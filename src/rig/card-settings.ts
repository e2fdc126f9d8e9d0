import type { Workload } from "../ledger/rows.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import { after, type Millis, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import type { WorkRole } from "../workloads/driver.ts";
import { Beside } from "./beside.ts";
import { UNMEASURED } from "./left-load.ts";
import type { MeterBook } from "./meter-book.ts";
import type { Outcome } from "./outcome.ts";
import type { OwnClaim } from "./own-claim.ts";
import { REST } from "./power-budget.ts";
import { PATIENCE } from "./power-hold.ts";
import type { RateBook } from "./rates.ts";
import type { Roster } from "./roster.ts";
import type { Profile, Tuner } from "./tuner.ts";

export interface CardSettingsParts {
  readonly clock: Clock;
  /** Deaf to being set. */
  readonly steady: Clock;
  readonly meter: Pick<MeterBook, "latest">;
  readonly rates: Pick<RateBook, "workingPower" | "power">;
  readonly tuner: Tuner;
  readonly claim: OwnClaim;
  readonly ground: { readonly roster: Pick<Roster, "isLeft" | "isTold"> };
}

const LOOK_EVERY = seconds(0.1);
/** Of what the agent has left when its work was made to end, less a moment to say what stays. */
const LEAVE_WITHIN = seconds(2);
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
  /** What is set, or set back, while the GPU is looked at. */
  readonly beside = new Beside();
  readonly #parts: CardSettingsParts;
  readonly #began: Millis;
  readonly #backoff: Backoff = createBackoff(RETRY_FIRST, RETRY_LAST);
  #restoreAt: UnixMs = unixMs(0);
  #retryAt: UnixMs = unixMs(0);

  constructor(parts: CardSettingsParts) {
    this.#parts = parts;
    this.#began = parts.clock.monotonic();
    parts.claim.expect({ most: () => this.#forOthers, atRest: () => this.#resting });
  }

  /**
   * With every look, which goes on meanwhile: what could not be set is tried again, ever more rarely; what could not be
   * set back, twice a minute. Throws what went wrong with the try before.
   */
  keep(workload: Workload, signal: AbortSignal): void {
    const { tuner, steady, claim } = this.#parts;
    this.beside.rethrow();
    if (this.beside.isBusy) return;
    this.#notice();
    const now = steady.now();
    if (roleOf(workload) !== undefined) {
      if (!tuner.isLacking || now < this.#retryAt) return;
      this.#retryAt = after(now, this.#backoff.next());
      this.beside.begin((until) => tuner.retry(until), signal);
      return;
    }
    if (!tuner.isApplied || claim.isHeld || now < this.#restoreAt || this.#mayBearLeft("miner", "engine")) return;
    this.#restoreAt = after(now, RESTORE_EVERY);
    this.beside.begin((until) => tuner.restore(until), signal);
  }

  /** Before a handover sets the GPU: what is set back at rest may end until `signal` fires; for work that leaves nothing is set. */
  makeWay(workload: Workload, signal: AbortSignal): Promise<void> {
    return this.beside.end(workload === "none" ? signal : AbortSignal.abort());
  }

  /** When the agent stops; under a miner that could not be stopped nothing is changed. */
  async leave(): Promise<void> {
    await this.beside.end(AbortSignal.abort());
    const { tuner } = this.#parts;
    if (!this.#mayBearLeft("miner")) await tuner.restore(AbortSignal.timeout(LEAVE_WITHIN));
    tuner.sayLeft();
  }

  /** Whether work of an earlier agent may be on the GPU that nobody has taken over or stopped. */
  #mayBearLeft(...roles: readonly WorkRole[]): boolean {
    const { ground, meter, clock } = this.#parts;
    if (roles.some((role) => ground.roster.isLeft(role))) return true;
    if (ground.roster.isTold) return false;
    if (clock.monotonic() - this.#began < PATIENCE) return true;
    // Of an Engine that does not answer nothing is known: the GPU tells whether anything is on it.
    return (meter.latest.reading?.processes ?? []).length > 0;
  }

  /** Load starts from what was found and not from what a killed agent had set, unless it is that one's miner. */
  async #clear(signal: AbortSignal): Promise<void> {
    const { tuner, ground, clock } = this.#parts;
    if (!tuner.isApplied) return;
    const isUnknown = () => !ground.roster.isTold && clock.monotonic() - this.#began < PATIENCE;
    while (isUnknown() && !signal.aborted) await clock.wait(LOOK_EVERY, signal);
    if (!this.#mayBearLeft("miner")) await tuner.restore(signal);
  }

  /** Waits until the rig has the power that this work may come to draw; a profile that lowers the limit does so before. */
  async claimFor(workload: Workload, signal: AbortSignal): Promise<Outcome> {
    const { tuner, claim } = this.#parts;
    const role = roleOf(workload);
    await this.#clear(signal);
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
    this.#restoreAt = steady.now();
    this.#retryAt = after(steady.now(), this.#backoff.next());
  }

  /** Nothing of ours is at work on the GPU. */
  rest(): void {
    this.#parts.claim.settle("none", true, { atMost: this.#resting, resting: this.#resting });
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
