import { at, type Terms } from "./rule.ts";
import type { PriceTrace } from "./trace.ts";

/** Nets closer than this, relative to the largest sum, are rounding and count as equal. */
const ROUNDING = 1e-12;

/**
 * What one who knows the whole trace would have on the GPU in each step: greatest net, then fewest switches, then the
 * first columns. Exact, in time and memory linear in the steps.
 */
export function clairvoyantPath(trace: PriceTrace, terms: Terms): Uint16Array {
  const { steps } = trace;
  const count = trace.workloads.length;
  const { choice, resume } = plan(trace, terms);
  const path = new Uint16Array(steps);
  let state = 0;
  for (let step = 0; step < steps; ) {
    const next = choice[step * count + state] ?? state;
    const until = next === state ? step + 1 : (resume[step] ?? steps);
    path.fill(next, step, until);
    state = next;
    step = until;
  }
  return path;
}

interface Plan {
  /** The best workload for step `i` when `s` has the GPU and may be left, at `i * count + s`. */
  readonly choice: Uint16Array;
  /** The first step in which a switch made in step `i` may be followed by another. */
  readonly resume: Uint32Array;
}

function plan(trace: PriceTrace, terms: Terms): Plan {
  const { steps, times } = trace;
  const count = trace.workloads.length;
  const resume = resumeSteps(times, steps, terms.minDwell);
  const earned = cumulate(trace);
  const value = new Float64Array((steps + 1) * count);
  const switches = new Uint32Array((steps + 1) * count);
  const choice = new Uint16Array(steps * count);
  const slack = ROUNDING * Math.max(1e-300, largest(earned));
  for (let step = steps - 1; step >= 0; step--) {
    const back = resume[step] ?? steps;
    for (let state = 0; state < count; state++) {
      const here = step * count + state;
      let [net, moves, chosen] = [Number.NEGATIVE_INFINITY, 0, state];
      for (let to = 0; to < count; to++) {
        const then = (to === state ? step + 1 : back) * count + to;
        const gain = at(earned, then) - at(earned, step * count + to) + at(value, then);
        const total = gain - switchCost(trace, terms, step, state * count + to);
        const needs = (switches[then] ?? 0) + (to === state ? 0 : 1);
        if (total < net - slack || (total <= net + slack && needs >= moves)) continue;
        [net, moves, chosen] = [total, needs, to];
      }
      value[here] = net;
      switches[here] = moves;
      choice[here] = chosen;
    }
  }
  return { choice, resume };
}

function switchCost(trace: PriceTrace, { costs }: Terms, step: number, pair: number): number {
  const { count } = costs;
  const [from, to] = [Math.floor(pair / count), pair % count];
  if (from === to) return 0;
  const row = step * count;
  return (at(costs.seconds, pair) / 3600) * Math.max(0, at(trace.rates, row + from), at(trace.rates, row + to));
}

function resumeSteps(times: Float64Array, steps: number, minDwell: number): Uint32Array {
  const resume = new Uint32Array(steps);
  let next = 1;
  for (let step = 0; step < steps; step++) {
    next = Math.max(next, step + 1);
    while (next < steps && at(times, next) - at(times, step) < minDwell) next++;
    resume[step] = next;
  }
  return resume;
}

/** What each workload would have earned from the start to each row. */
function cumulate({ steps, times, rates, workloads }: PriceTrace): Float64Array {
  const count = workloads.length;
  const sums = new Float64Array((steps + 1) * count);
  for (let step = 0; step < steps; step++) {
    const hours = (at(times, step + 1) - at(times, step)) / 3600;
    for (let one = 0; one < count; one++)
      sums[(step + 1) * count + one] = at(sums, step * count + one) + at(rates, step * count + one) * hours;
  }
  return sums;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
