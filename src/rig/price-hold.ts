import { QuoteHold } from "../policy/price/quote-hold.ts";
import { elapsed, type Millis, millis, type UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";

/** Figures of one valuation that move its net; what it was measured to do and draw wavers, and is none of them. */
const FIGURES = 3;

/**
 * For how long what every work is worth surely stands: as long as its prices promise, or longer where they have changed
 * in steps of late; not at all while a price moves that nobody has confirmed. Owned by the GPU's loop.
 */
export class PriceHold {
  #hold = new QuoteHold();
  #works = "";

  /** `steady` is the monotonic time of this look, `now` the wall's. */
  look(valuations: readonly Valuation[], steady: Millis, now: UnixMs): Millis {
    const known = valuations.filter(({ net }) => net !== undefined);
    const works = known.map(({ workload, name = "" }) => `${workload}/${name}`).join();
    // A work that comes or goes is no price that changed.
    if (works !== this.#works) [this.#hold, this.#works] = [new QuoteHold(), works];
    const figures = new Float64Array(known.length * FIGURES);
    for (const [index, one] of known.entries()) figures.set(figuresOf(one), index * FIGURES);
    const holds = this.#hold.look(figures, steady, promised(known, now));
    // What was learned is of prices that moved, and one may be moving now.
    return millis(known.some(({ isMoving }) => isMoving) ? 0 : holds);
  }
}

/** Demand is no quote: what it is worth stands for as long as nobody asks. */
const figuresOf = ({ workload, price, powerPrice, revenue }: Valuation): readonly number[] => [
  price?.value ?? 0,
  powerPrice ?? 0,
  workload === "inference" ? (revenue ?? 0) : 0,
];

function promised(valuations: readonly Valuation[], now: UnixMs): number {
  const left = valuations.map(({ until }) => (until === undefined ? 0 : elapsed(now, until)));
  return left.length === 0 ? 0 : Math.max(0, Math.min(...left));
}
