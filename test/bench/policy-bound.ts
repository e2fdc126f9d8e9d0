import { at, bestOf, type PriceRule, switchUsd, type Terms } from "../../src/policy/replay/rule.ts";
import type { PriceTrace } from "../../src/policy/replay/trace.ts";

/** What a trace's rows are drawn from: equally likely rows of rates for a step, one draw after the other. */
export type Law = (step: number) => Float64Array;

export const BOUND = "knows the law (no rule)";

/**
 * What no online rule beats on average: it knows what every row is drawn from, all that are to come included, and no
 * draw before it is made. Backward induction (Bellman 1957) over the draws.
 */
export function knowsTheLaw(trace: PriceTrace, terms: Terms, law: Law): PriceRule {
  const values = expectations(trace, terms, law);
  const count = trace.workloads.length;
  return {
    name: BOUND,
    start: () => {
      let next = 0;
      return ({ rates, current, length }) => {
        next += count;
        const worth = rates.map(
          (rate, to) => (rate * length) / 3600 + at(values, next + to) - switchUsd(terms.costs, rates, current, to),
        );
        const best = bestOf(worth);
        return at(worth, best) > at(worth, current) ? best : current;
      };
    },
  };
}

/** USD expected from a step on with a workload on the GPU, before the step's rates are seen, at `step * count + workload`. */
function expectations({ steps, times, workloads }: PriceTrace, terms: Terms, law: Law): Float64Array {
  const count = workloads.length;
  const values = new Float64Array((steps + 1) * count);
  const rates = new Float64Array(count);
  for (let step = steps - 1; step >= 0; step--) {
    const rows = law(step);
    const after = values.subarray((step + 1) * count, (step + 2) * count);
    const hours = (at(times, step + 1) - at(times, step)) / 3600;
    for (let row = 0; row < rows.length; row += count) {
      for (let one = 0; one < count; one++) rates[one] = at(rows, row + one);
      for (let from = 0; from < count; from++) {
        let most = Number.NEGATIVE_INFINITY;
        for (let to = 0; to < count; to++)
          most = Math.max(most, at(rates, to) * hours + at(after, to) - switchUsd(terms.costs, rates, from, to));
        const here = step * count + from;
        values[here] = at(values, here) + (most * count) / rows.length;
      }
    }
  }
  return values;
}
