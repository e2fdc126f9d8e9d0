import { elapsed, hours, type UnixMs, unixMs } from "../../units/time.ts";
import type { AccountReading } from "./reading.ts";

/** Credits of less than an hour are booked with the next ones. */
const LEAST_SPAN = hours(1);
/** A counter that is down for no longer was only told wrongly; no pool's wallet fills up again that fast. */
const COMES_BACK = hours(1);
/** What rounding may take off a counter. */
const ROUNDING = 1e-9;

/** An account at one moment. */
export interface AccountState extends AccountReading {
  readonly at: UnixMs;
}

/** What was credited between two looks at an account, in its currency. */
export interface Credited {
  readonly from: UnixMs;
  readonly to: UnixMs;
  readonly amount: number;
  readonly currency: string;
}

/** What survives a restart: since when credits are counted, and what was seen last. */
export interface CounterMemory {
  readonly base: AccountState;
  readonly last: AccountState;
}

/**
 * Turns looks at an account into credits. A look counts only once the next one bears it out, so that one wild answer
 * books nothing; a counter that fell (paid out unsaid, reset, orphaned) loses the time that nobody can tell. Written by
 * `look` and `booked`.
 */
export class CreditCounter {
  #memory: CounterMemory | undefined;
  /** The last look that a later one bore out. */
  #confirmed: AccountState | undefined;
  /** What was counted before the counter fell, in case that it comes back at once. */
  #fallen: CounterMemory | undefined;

  constructor(memory?: CounterMemory) {
    this.#memory = memory;
  }

  get memory(): CounterMemory | undefined {
    return this.#memory;
  }

  /** Takes one look; true when the counter fell and what was credited since the last booking is lost. */
  look(state: AccountState): boolean {
    const { base, last } = this.#memory ?? { base: state, last: state };
    const isBack = this.#isBack(state);
    if (isBack !== undefined) {
      this.#memory = { base: isBack.base, last: state };
      this.#fallen = undefined;
      return false;
    }
    if (state.currency !== base.currency || state.at < last.at) return this.#restart(state);
    if (earned(last, state) !== undefined) {
      if (state.at > last.at) this.#confirmed = last;
      this.#memory = { base, last: state };
      return false;
    }
    // One that is not below where it began was wild only in between.
    if (earned(base, state) === undefined || base.at === last.at) return this.#restart(state);
    this.#memory = { base, last: state };
    return false;
  }

  /** What was credited since the last booking and is borne out; undefined while that is too little time. */
  get due(): Credited | undefined {
    const base = this.#memory?.base;
    const to = this.#confirmed;
    if (base === undefined || to === undefined || elapsed(base.at, to.at) < LEAST_SPAN) return undefined;
    const amount = earned(base, to);
    return amount === undefined ? undefined : { from: base.at, to: to.at, amount, currency: to.currency };
  }

  /** What was due is booked: the next credits begin where it ended. */
  booked(): void {
    if (this.#memory !== undefined && this.#confirmed !== undefined)
      this.#memory = { ...this.#memory, base: this.#confirmed };
  }

  #restart(state: AccountState): true {
    this.#fallen = this.#memory;
    this.#confirmed = undefined;
    this.#memory = { base: state, last: state };
    return true;
  }

  /** What was counted before a fall that lasted less than an hour, where `state` goes on from there. */
  #isBack(state: AccountState): CounterMemory | undefined {
    const fallen = this.#fallen;
    if (fallen === undefined || fallen.last.currency !== state.currency) return undefined;
    const age = elapsed(fallen.last.at, state.at);
    return age >= 0 && age <= COMES_BACK && earned(fallen.last, state) !== undefined ? fallen : undefined;
  }
}

/** What came in between two looks; undefined where the counter fell. */
function earned(before: AccountState, now: AccountState): number | undefined {
  const amount = now.balance - before.balance + paidBetween(before, now);
  if (amount >= 0) return amount;
  return -amount <= ROUNDING * Math.max(1, before.balance + (before.paid ?? 0)) ? 0 : undefined;
}

/** Payouts one by one count only where the balance fell: the pool's clock tells when they were sent, not when booked. */
function paidBetween(before: AccountState, now: AccountState): number {
  if (before.paid !== undefined && now.paid !== undefined) return now.paid - before.paid;
  if (now.balance >= before.balance) return 0;
  const since = (now.payouts ?? []).filter(({ at }) => at > before.at && at <= unixMs(now.at + LEAST_SPAN));
  return since.reduce((sum, { amount }) => sum + amount, 0);
}
