import { describe, expect, test } from "vitest";
import { LingerLearner } from "../../../src/policy/gap/linger-learner.ts";
import { learnedLinger, lingerFor } from "../../../src/policy/linger.ts";
import { toUsdNano, usdPerHour } from "../../../src/units/money.ts";
import { seconds } from "../../../src/units/time.ts";

describe("lingering", () => {
  const cases: readonly [string, readonly [number, number, number], number][] = [
    // title, [round trip in s, its cost in USD, what the gap earns in USD/h], expected s
    ["lasts as long as the gap's earnings take to pay for the round trip", [2, 0.001, 0.36], 10],
    ["is longer where the gap earns less", [2, 0.001, 0.18], 20],
    ["is longer where the round trip costs more", [2, 0.002, 0.36], 20],
    ["lasts the round trip at least, however much the gap earns", [2, 0.001, 36], 2],
    ["lasts a minute at most, however little the gap earns", [2, 0.001, 0.000_001], 60],
    ["lasts a minute where the gap earns nothing", [2, 0.001, 0], 60],
    ["lasts a minute where the gap loses money", [2, 0.001, -0.5], 60],
    ["lasts the round trip where that costs nothing", [2, 0, 0.36], 2],
  ];
  test.each(cases)("%s", (_title, [roundTripS, cost, gapNet], expected) => {
    const linger = lingerFor(seconds(roundTripS), toUsdNano(cost), usdPerHour(gapNet));
    expect(linger).toBeCloseTo(expected * 1000, 6);
  });
});

describe("the linger that the requests teach", () => {
  const taught = (gapS: number): LingerLearner => {
    const learner = new LingerLearner();
    for (let index = 0; index < 60; index++) learner.served(index * (gapS + 1), 1);
    return learner;
  };
  test("is unknown until a few came", () => {
    expect(learnedLinger(new LingerLearner(), seconds(4), seconds(4))).toBeUndefined();
  });
  test("is nothing where gaps are long beside a round trip and what that is worth", () => {
    expect(learnedLinger(taught(300), seconds(4), seconds(10))).toBe(0);
  });
  test("covers gaps that pay less than a round trip's wear", () => {
    expect(learnedLinger(taught(20), seconds(4), seconds(4))).toBe(0);
    expect(learnedLinger(taught(20), seconds(4), seconds(40))).toBeGreaterThanOrEqual(20_000);
  });
  test("is a minute at most", () => {
    expect(learnedLinger(taught(50), seconds(4), seconds(4000))).toBe(60_000);
  });
});
