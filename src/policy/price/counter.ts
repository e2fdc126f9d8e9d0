import { at, bestOf } from "../replay/rule.ts";
import type { Nearness, PaperLook, PaperRule, Tipping } from "./paper-rule.ts";
import { account, aheadOf, missing, move, startWork, type WorkFunction } from "./work-function.ts";

/** One way of being patient: how many round trips a lead has to be worth, and whether ways back count at their usual cost. */
export interface Temper {
  readonly patience: number;
  readonly usual: boolean;
}

/** The regret counter (work function) of one patience, on paper. */
export class Counter implements PaperRule {
  readonly #temper: Temper;
  readonly #state: WorkFunction;

  constructor(temper: Temper, state: WorkFunction) {
    this.#temper = temper;
    this.#state = state;
  }

  get owner(): number {
    return this.#state.owner;
  }

  get patience(): number {
    return this.#temper.patience;
  }

  move(look: PaperLook, mayMove: boolean): void {
    const { rates, ahead } = look;
    move(this.#state, { rates, oneWay: this.#waysOf(look), ahead, mayMove }, this.patience);
  }

  account(look: PaperLook, rates: Float64Array, hours: number): void {
    account(this.#state, { rates, best: bestOf(rates), oneWay: this.#waysOf(look), hours }, this.patience);
  }

  nearnessOf(column: number, look: PaperLook): Nearness {
    const { rates, ahead } = look;
    const pair = this.owner * rates.length + column;
    const way = this.wayOf(pair, look);
    const left = missing(this.#state, { rates, ahead, column, way });
    const lead = at(rates, column) - at(rates, this.owner);
    const isKnown = Number.isFinite(left) && way > 0;
    return { share: isKnown ? 1 - left / (2 * way) : 0, foreseen: lead * aheadOf(ahead, pair) > 0 };
  }

  tippingOf(before: number, look: PaperLook): Tipping {
    const { owner, work } = this.#state;
    const way = this.wayOf(before * work.length + owner, look);
    return at(work, owner) - at(work, before) + way <= 0 ? "missed" : "certain";
  }

  wayOf(pair: number, look: PaperLook): number {
    return this.patience * at(this.#waysOf(look), pair);
  }

  over(kept: readonly (number | undefined)[], owner: number): Counter {
    const own = kept.indexOf(this.owner);
    const state = startWork(own < 0 ? owner : own, kept.length);
    for (const [to, from] of kept.entries())
      state.work[to] = (from === undefined ? undefined : this.#state.work[from]) ?? Number.POSITIVE_INFINITY;
    return new Counter(this.#temper, state);
  }

  #waysOf({ oneWay, halfUsual }: PaperLook): Float64Array {
    return this.#temper.usual ? halfUsual : oneWay;
  }
}
