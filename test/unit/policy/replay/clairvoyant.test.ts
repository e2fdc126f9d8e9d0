import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clairvoyantPath } from "../../../../src/policy/replay/clairvoyant.ts";
import type { Terms } from "../../../../src/policy/replay/rule.ts";
import { type PriceTrace, uniformCost } from "../../../../src/policy/replay/trace.ts";
import { traceOf } from "../../../support/price-traces.ts";

interface Judged {
  readonly path: readonly number[];
  readonly net: number;
  readonly switches: number;
}

/** What a path comes to by the letter of the rules; undefined where it breaks the minimum dwell. */
function judge(
  { times, rates, workloads }: PriceTrace,
  { costs, minDwell }: Terms,
  path: readonly number[],
): Judged | undefined {
  const count = workloads.length;
  let [net, switches, at, movedAt] = [0, 0, 0, Number.NEGATIVE_INFINITY];
  for (const [step, to] of path.entries()) {
    const [start = 0, end = 0] = [times[step], times[step + 1]];
    const rate = (one: number): number => rates[step * count + one] ?? 0;
    if (to !== at) {
      if (start - movedAt < minDwell) return undefined;
      net -= ((costs.seconds[at * count + to] ?? 0) / 3600) * Math.max(0, rate(at), rate(to));
      [at, movedAt] = [to, start];
      switches++;
    }
    net += (rate(at) * (end - start)) / 3600;
  }
  return { path, net, switches };
}

const allPaths = (steps: number, count: number): readonly (readonly number[])[] =>
  steps === 0
    ? [[]]
    : allPaths(steps - 1, count).flatMap((path) => Array.from({ length: count }, (_, to) => [...path, to]));

/** The best of all paths: greatest net, fewest switches, first columns. */
function bruteForce(trace: PriceTrace, terms: Terms): Judged {
  const judged = allPaths(trace.steps, trace.workloads.length).flatMap((path) => judge(trace, terms, path) ?? []);
  const [first, ...others] = judged;
  if (first === undefined) throw new Error("staying is always allowed");
  return others.reduce((best, one) => {
    if (Math.abs(one.net - best.net) > 1e-9) return one.net > best.net ? one : best;
    if (one.switches !== best.switches) return one.switches < best.switches ? one : best;
    return one.path.join() < best.path.join() ? one : best;
  }, first);
}

/** Whole numbers make ties frequent; the steps are of different lengths. */
const traces = fc
  .record({
    count: fc.integer({ min: 2, max: 3 }),
    gaps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
    draws: fc.array(fc.integer({ min: -3, max: 4 }), { minLength: 21, maxLength: 21 }),
    costs: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 9, maxLength: 9 }),
    minDwell: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ count, gaps, draws, costs, minDwell }) => {
    const times = Float64Array.from([
      0,
      ...gaps.map((_, index) => gaps.slice(0, index + 1).reduce((a, b) => a + b) * 900),
    ]);
    const rates = Float64Array.from(
      { length: (gaps.length + 1) * count },
      (_, cell) => draws[cell % draws.length] ?? 0,
    );
    const workloads = Array.from({ length: count }, (_, one) => `w${one}`);
    const seconds = Float64Array.from({ length: count * count }, (_, pair) =>
      pair % (count + 1) === 0 ? 0 : (costs[pair] ?? 0) * 450,
    );
    const trace: PriceTrace = { workloads, times, rates, steps: gaps.length };
    return { trace, terms: { costs: { count, seconds }, minDwell: minDwell * 900 } };
  });

describe("the clairvoyant", () => {
  test("finds what trying every path finds, ties and all", () => {
    fc.assert(
      fc.property(traces, ({ trace, terms }) => {
        const best = bruteForce(trace, terms);
        const path = [...clairvoyantPath(trace, terms)];
        const found = judge(trace, terms, path);
        expect(found?.net).toBeCloseTo(best.net, 9);
        expect(found?.switches).toBe(best.switches);
        expect(path).toEqual(best.path);
      }),
      { numRuns: 1500 },
    );
  });

  const rows: readonly [string, readonly (readonly number[])[], Partial<Terms>, readonly number[]][] = [
    [
      "stays where a lead does not pay for the way",
      [
        [1, 1.05],
        [1, 1.05],
      ],
      { costs: uniformCost(2, 600) },
      [0, 0],
    ],
    [
      "goes before the first step when that pays",
      [
        [1, 2],
        [1, 2],
      ],
      {},
      [1, 1],
    ],
    [
      "leaves a loss while the way costs nothing",
      [
        [-2, 0],
        [5, 0],
      ],
      {},
      [1, 0],
    ],
    [
      "sits out a spike that the dwell would make dear",
      [
        [1, 2],
        [1, -9],
      ],
      { minDwell: 7200 },
      [0, 0],
    ],
    ["takes the first of two equals", [[1, 2, 2]], {}, [1]],
    [
      "does not move for nothing",
      [
        [1, 1],
        [1, 1],
      ],
      { costs: uniformCost(2, 0) },
      [0, 0],
    ],
  ];
  test.each(rows)("%s", (_title, rates, terms, expected) => {
    const all = { costs: uniformCost(rates[0]?.length ?? 0, 600), minDwell: 0, ...terms };
    expect([...clairvoyantPath(traceOf(rates), all)]).toEqual(expected);
  });
});
