import { describe, expect, test } from "vitest";
import { assumedFor, learnCost, roundTrip, type SwitchCost } from "../../../src/rig/switch-cost.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { toUsdNano, usdNano, usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { millis, seconds } from "../../../src/units/time.ts";

const sample = (durationMs: number, energyMj: number) => ({
  duration: millis(durationMs),
  energy: milliJoules(energyMj),
});

const BETWEEN = { from: "hashing", to: "inference" } as const;

describe("what one switch costs", () => {
  test.each([
    ["cold", 10_000],
    ["warm", 6000],
    ["sleep", 2000],
    ["freeze", 1000],
    ["checkpoint", 3000],
  ] as const)("is a planning figure on the rung %s until it was done once, and says so", (rung, duration) => {
    const assumed = assumedFor(rung, BETWEEN);
    expect(learnCost(assumed, [])).toEqual({ duration, promised: duration, energy: 0, samples: 0 });
  });

  test.each(["cold", "warm", "sleep", "freeze", "checkpoint"] as const)(
    "is assumed to be no less over rest than directly on the rung %s",
    (rung) => {
      const overRest =
        assumedFor(rung, { from: "hashing", to: "none" }) + assumedFor(rung, { from: "none", to: "inference" });
      expect(overRest).toBe(assumedFor(rung, BETWEEN));
    },
  );

  test("is what was measured from the first time on", () => {
    expect(learnCost(seconds(1), [sample(120, 9000)])).toEqual({
      duration: 120,
      promised: 120,
      energy: 9000,
      samples: 1,
    });
  });

  test("is the mean of the last times, each figure on its own", () => {
    const cost = learnCost(seconds(1), [sample(300, 3), sample(100, 9), sample(200, 3)]);
    expect(cost).toEqual({ duration: 200, promised: 300, energy: 5, samples: 3 });
  });

  test("promises what nine of ten kept to", () => {
    const samples = Array.from({ length: 20 }, (_, index) => sample(100 * (index + 1), 1));
    expect(learnCost(seconds(1), samples).promised).toBe(1800);
  });

  test("tells the energy of those times of which it is known", () => {
    const unknown = { duration: millis(200), energy: undefined };
    expect(learnCost(seconds(1), [unknown, sample(100, 9000)])).toMatchObject({
      duration: 150,
      energy: 9000,
      samples: 2,
    });
    expect(learnCost(seconds(1), [unknown])).toMatchObject({ duration: 200, energy: 0, samples: 1 });
  });

  test("is in whole millijoules", () => {
    expect(Number.isInteger(learnCost(seconds(1), [sample(1, 1), sample(1, 2)]).energy)).toBe(true);
  });

  test("counts one of 10 s among fast ones as three of them", () => {
    const fast = [90, 100, 110, 120, 130].map((ms) => sample(ms, 9000));
    expect(learnCost(seconds(1), [sample(10_000, 5_000_000), ...fast])).toEqual({
      duration: (90 + 100 + 110 + 120 + 130 + 330) / 6,
      promised: 10_000,
      energy: 12_000,
      samples: 6,
    });
  });
});

describe("what a round trip costs", () => {
  const leg = (durationMs: number, energyMj: number): SwitchCost => ({
    ...sample(durationMs, energyMj),
    promised: millis(2 * durationMs),
    samples: 1,
  });
  const PRICES = { best: usdPerHour(0.36), electricity: usdPerKwh(0.15), wear: toUsdNano(0.0005) };

  test("is what was missed meanwhile, the energy, and the wear of two switches", () => {
    // 10 s at 0.36 USD/h = 0.001; 3.6 MJ = 1 kWh/1000 at 0.15 = 0.00015; wear 2 × 0.0005 = 0.001.
    expect(roundTrip([leg(4000, 1_600_000), leg(6000, 2_000_000)], PRICES)).toEqual({
      duration: 10_000,
      promised: 8000,
      cost: toUsdNano(0.002_15),
    });
  });

  test.each([
    ["nothing is missed where nothing pays", usdPerHour(0)],
    ["nothing is gained by standing still where everything loses", usdPerHour(-5)],
  ])("%s", (_reason, best) => {
    expect(roundTrip([leg(3000, 0), leg(3000, 0)], { ...PRICES, best }).cost).toBe(toUsdNano(0.001));
  });

  test("is never nothing while wear is priced", () => {
    const prices = { best: usdPerHour(0), electricity: usdPerKwh(0), wear: usdNano(1) };
    expect(roundTrip([leg(0, 0), leg(0, 0)], prices)).toEqual({ duration: 0, promised: 0, cost: 2 });
  });

  test("of switches never done rests on the planning figures", () => {
    expect(
      roundTrip([learnCost(assumedFor("freeze", BETWEEN), []), learnCost(assumedFor("cold", BETWEEN), [])], PRICES)
        .duration,
    ).toBe(seconds(11));
  });
});
