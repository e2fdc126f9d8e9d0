import { isSameWork, toWork, type Work } from "../ledger/work.ts";
import { QuoteHold } from "../policy/price/quote-hold.ts";
import { elapsed, type Millis, millis, type UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";

/** For how long the difference of two works surely stands. */
export type Holds = (one: Work, other: Work) => Millis;

/**
 * For how long what two works are worth surely stands: as long as the prices of both promise, or longer where they have
 * changed in steps of late; not at all while a price of theirs moves that nobody has confirmed. A third work has no say in it. Owned by the GPU's loop.
 */
export class PriceHold {
  #pairs: ReadonlyMap<string, QuoteHold> = new Map();

  /** `steady` is the monotonic time of this look, `now` the wall's. */
  look(valuations: readonly Valuation[], steady: Millis, now: UnixMs): Holds {
    const known = valuations.filter(({ net }) => net !== undefined);
    const pairs = known.flatMap((one, index) => known.slice(index + 1).map((other) => [one, other] as const));
    // A work that comes anew is learned anew.
    this.#pairs = new Map(
      pairs.map(([one, other]) => [nameOf(one, other), this.#pairs.get(nameOf(one, other)) ?? new QuoteHold()]),
    );
    const held = pairs.map(([one, other]) => {
      const figures = Float64Array.from([...figuresOf(one), ...figuresOf(other)]);
      const hold = this.#pairs.get(nameOf(one, other));
      const promise = Math.min(leftOf(one, now), leftOf(other, now));
      const holds = hold?.look(figures, steady, promise) ?? 0;
      // What was learned is of prices that moved, and one may be moving now.
      const isMoving = one.isMoving === true || other.isMoving === true;
      return { works: [toWork(one), toWork(other)] as const, for: millis(isMoving ? 0 : holds) };
    });
    return (one, other) =>
      held.find(
        ({ works: [a, b] }) =>
          (isSameWork(one, a) && isSameWork(other, b)) || (isSameWork(one, b) && isSameWork(other, a)),
      )?.for ?? millis(0);
  }
}

const nameOf = (...works: readonly Work[]): string =>
  works.map(({ workload, name = "" }) => `${workload}/${name}`).join();

/** What moves a net: what it was measured to do and draw wavers, and is no price. Demand stands for as long as nobody asks. */
const figuresOf = ({ workload, price, powerPrice, revenue }: Valuation): readonly number[] => [
  price?.value ?? 0,
  powerPrice ?? 0,
  workload === "inference" ? (revenue ?? 0) : 0,
];

const leftOf = ({ until }: Valuation, now: UnixMs): number =>
  until === undefined ? 0 : Math.max(0, elapsed(now, until));
