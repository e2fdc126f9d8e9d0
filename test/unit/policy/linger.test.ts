import { describe, expect, test } from "vitest";
import { lingerFor } from "../../../src/policy/linger.ts";
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
