import { describe, expect, test } from "vitest";
import { DEFAULT_PRICE_RULE, OUR_RULES } from "../../../../src/policy/price/rules.ts";
import { type PriceReport, replayPrices } from "../../../../src/policy/replay/price-replay.ts";
import { uniformCost } from "../../../../src/policy/replay/trace.ts";
import { traceOf } from "../../../support/price-traces.ts";

const replay = (rows: readonly (readonly number[])[], step: number, costS: number, minDwell = 0): PriceReport =>
  replayPrices(traceOf(rows, step), { costs: uniformCost(rows[0]?.length ?? 0, costS), minDwell }, OUR_RULES, "");

function of({ policies }: PriceReport, name: string): PriceReport["policies"][number] {
  const own = policies.find((policy) => policy.name === name);
  if (own === undefined) throw new Error(`no rule ${name}`);
  return own;
}

function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

test("there is one default among our rules", () => {
  expect(OUR_RULES.filter((rule) => rule === DEFAULT_PRICE_RULE)).toHaveLength(1);
});

describe("hourly quotes with cheap handovers", () => {
  // A day's rhythm, 60 s of 3600 per switch: what an hour brings is certain.
  const rhythm = Array.from({ length: 24 * 60 }, (_, hour) => [1, 1 + Math.sin((hour * Math.PI) / 12)]);
  test("are followed as closely as greedy does", () => {
    const report = replay(rhythm, 3600, 60);
    expect(of(report, "adaptive").netUsd).toBeGreaterThanOrEqual(0.999 * of(report, "greedy").netUsd);
    expect(of(report, "adaptive").lossRatio).toBeLessThan(1.25);
  });
  test("are recognised behind a feed that is polled every minute", () => {
    const polled = rhythm.slice(0, 24 * 20).flatMap((row) => Array(60).fill(row));
    const report = replay(polled, 60, 600);
    expect(of(report, "adaptive").lossRatio).toBeLessThan(of(report, "regret").lossRatio ?? 0);
  });
});

describe("noisy quotes every minute", () => {
  const draw = draws(11);
  const noise = Array.from({ length: 20_000 }, () => [1 + (draw() - 0.5), 1 + (draw() - 0.5)]);
  test("ruin greedy and not the default, which turns patient", () => {
    const report = replay(noise, 60, 120);
    expect(of(report, "greedy").lossRatio).toBeGreaterThan(3);
    expect(of(report, "adaptive").lossRatio).toBeLessThan(1.3);
    expect(of(report, "adaptive").switches).toBeLessThan(of(report, "regret").switches);
  });
});

describe("the regret counter", () => {
  test("goes in the step that makes a whole round trip of what was missed, and not before", () => {
    // 180 s each way at 2 USD/h are 0.2 USD for the round trip; each step of 180 s misses 0.05.
    const steps = (count: number) => of(replay(Array(count).fill([1, 2]), 180, 180), "regret").switches;
    expect([3, 4].map(steps)).toEqual([0, 1]);
  });
  test("takes a quote's length as certain", () => {
    expect(of(replay([[1, 2]], 720, 180), "regret").switches).toBe(1);
    expect(of(replay([[1, 2]], 719, 180), "regret").switches).toBe(0);
  });
});

describe("hysteresis", () => {
  test("wants more than a tenth", () => {
    expect(of(replay(Array(60).fill([1, 1.09]), 60, 0), "hysteresis").switches).toBe(0);
    expect(of(replay(Array(60).fill([1, 1.11]), 60, 0), "hysteresis").switches).toBe(1);
  });
  test("stays a quarter of an hour", () => {
    const rows = [...Array(1).fill([1, 2]), ...Array(60).fill([9, 2])];
    expect(of(replay(rows, 60, 0), "hysteresis").switches).toBe(2);
    expect(of(replay(rows.slice(0, 15), 60, 0), "hysteresis").switches).toBe(1);
  });
});

test("the forecast never costs much more than the plain counter, however wrong it is", () => {
  const draw = draws(5);
  const flicker = Array.from({ length: 20_000 }, () => [1, 1 + 0.6 * (draw() - 0.5)]);
  const report = replay(flicker, 60, 60);
  const lost = (name: string): number => report.idealUsd - of(report, name).netUsd;
  expect(lost("forecast")).toBeLessThan(1.3 * lost("regret"));
});

test("no rule leaves before its minimum dwell is over", () => {
  const draw = draws(7);
  const wild = Array.from({ length: 1000 }, () => [draw(), draw(), draw()]);
  for (const { switches } of replay(wild, 60, 0, 3600).policies) expect(switches).toBeLessThanOrEqual(17);
});
