import { describe, expect, test } from "vitest";
import { replayPrices } from "../../../../src/policy/replay/price-replay.ts";
import type { Look, PriceRule } from "../../../../src/policy/replay/rule.ts";
import { uniformCost } from "../../../../src/policy/replay/trace.ts";
import { traceOf } from "../../../support/price-traces.ts";

const scripted = (...wanted: readonly number[]): PriceRule => ({
  name: "scripted",
  start: () => {
    let step = 0;
    return ({ current }) => wanted[step++] ?? current;
  },
});

const terms = (seconds: number, minDwell = 0, count = 2) => ({ costs: uniformCost(count, seconds), minDwell });

describe("a replay", () => {
  // Three hours: staying earns 3; w1 earns 4, 0, 4. A switch is 6 min of the better rate.
  const trace = traceOf([
    [1, 4],
    [1, 0],
    [1, 4],
  ]);

  test("pays each step's rate and takes a switch's cost whole, in its step, the first included", () => {
    const { policies, clairvoyant, bestSingle, idealUsd } = replayPrices(
      trace,
      terms(360),
      [scripted(1, 0, 1)],
      "scripted",
    );
    expect(policies[0]).toMatchObject({ name: "scripted", default: true, switches: 3 });
    expect(policies[0]?.netUsd).toBeCloseTo(4 + 1 + 4 - 0.4 - 0.1 - 0.4, 12);
    expect(clairvoyant.netUsd).toBeCloseTo(8.1, 12);
    expect(clairvoyant.switches).toBe(3);
    expect(bestSingle.workload).toBe("w1");
    expect(bestSingle.netUsd).toBeCloseTo(8 - 0.4, 12);
    expect(idealUsd).toBeCloseTo(9, 12);
  });

  test("gives shares against the clairvoyant, the best single workload and free switching", () => {
    const { policies } = replayPrices(trace, terms(360), [scripted(0, 0, 0)], "other");
    expect(policies[0]).toMatchObject({ default: false, switches: 0, netUsd: 3 });
    expect(policies[0]?.revenueShare).toBeCloseTo(3 / 8.1, 12);
    expect(policies[0]?.netUpside).toBeCloseTo((3 - 7.6) / (8.1 - 7.6), 9);
    expect(policies[0]?.lossRatio).toBeCloseTo((9 - 3) / (9 - 8.1), 9);
  });

  test("says nothing where the denominator is nothing", () => {
    const flat = traceOf([[0, 0]]);
    const { policies } = replayPrices(flat, terms(360), [scripted()], "scripted");
    expect(policies[0]).toMatchObject({ revenueShare: null, netUpside: null, lossRatio: null });
  });

  test("takes no cost while both rates are losses, and the better one's otherwise", () => {
    const losing = traceOf([
      [-1, -2],
      [-1, 3],
    ]);
    expect(replayPrices(losing, terms(3600), [scripted(1)], "").policies[0]?.netUsd).toBeCloseTo(-2 + 3, 12);
    expect(replayPrices(losing, terms(3600), [scripted(0, 1)], "").policies[0]?.netUsd).toBeCloseTo(-1 + 3 - 3, 12);
  });

  test("refuses a switch before the minimum dwell is over, and allows it on the second", () => {
    const steps = traceOf(
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      60,
    );
    const count = (minDwell: number) =>
      replayPrices(steps, terms(0, minDwell), [scripted(1, 0, 1, 0)], "").policies[0]?.switches;
    expect(count(60)).toBe(4);
    expect(count(61)).toBe(2);
    expect(count(180)).toBe(2);
    expect(count(181)).toBe(1);
  });

  test("shows a rule this row and its length, and what it has", () => {
    const seen: Partial<Look>[] = [];
    const watching: PriceRule = {
      name: "watching",
      start: () => (look) => {
        seen.push({ ...look, rates: Float64Array.from(look.rates) });
        return 1;
      },
    };
    replayPrices(
      traceOf(
        [
          [1, 2],
          [3, 4],
        ],
        60,
      ),
      terms(0, 90),
      [watching],
      "",
    );
    expect(seen).toEqual([
      { at: 0, length: 60, rates: Float64Array.of(1, 2), current: 0, stay: Number.POSITIVE_INFINITY, mayMove: true },
      { at: 60, length: 60, rates: Float64Array.of(3, 4), current: 1, stay: 60, mayMove: false },
    ]);
  });
});
