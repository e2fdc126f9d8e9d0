import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { energyOver, milliJoules, watts } from "../../../src/units/energy.ts";
import {
  addUsd,
  earnedOver,
  energyCost,
  hashCredit,
  powerCost,
  tokenCost,
  toUsd,
  toUsdNano,
  usdNano,
  usdPerHour,
  usdPerKwh,
  usdPerMillionTokens,
  usdPerTerahash,
  ZERO_USD,
} from "../../../src/units/money.ts";
import { hours, minutes } from "../../../src/units/time.ts";

const near = (value: number) => expect.closeTo(value, 12);

describe("money", () => {
  const amounts: readonly [string, number, number][] = [
    ["a dollar is a billion nano-USD", toUsdNano(1), 1_000_000_000],
    ["a loss is negative", toUsdNano(-0.5), -500_000_000],
    ["half a nano-USD rounds up", usdNano(0.5), 1],
    ["less than half a nano-USD is nothing", usdNano(0.49), 0],
    ["a cent that binary cannot hold is still a whole number", toUsdNano(0.01), 10_000_000],
    ["1 kWh at 0.15", energyCost(milliJoules(3_600_000_000), usdPerKwh(0.15)), 150_000_000],
    ["1 J at 0.15 is 41.67 nano-USD, rounded", energyCost(milliJoules(1000), usdPerKwh(0.15)), 42],
    ["free electricity costs nothing", energyCost(milliJoules(1e12), usdPerKwh(0)), 0],
    ["half an hour at 2 USD/h", earnedOver(usdPerHour(2), minutes(30)), 1_000_000_000],
    ["a losing hour is a loss", earnedOver(usdPerHour(-0.01), hours(1)), -10_000_000],
    ["ten tokens at 0.5 USD per million are 5000 nano-USD", tokenCost(10, usdPerMillionTokens(0.5)), 5000],
    ["one token at 0.15 USD per million is 150 nano-USD", tokenCost(1, usdPerMillionTokens(0.15)), 150],
    ["a terahash at 20", hashCredit(1e12, usdPerTerahash(20)), 20_000_000_000],
    [
      "one share of difficulty 1 at 1e-9 USD/TH pays less than it can be booked for",
      hashCredit(2 ** 32, usdPerTerahash(1e-9)),
      0,
    ],
    ["nothing is nothing", ZERO_USD, 0],
  ];
  test.each(amounts)("%s", (_reason, got, want) => {
    expect(got).toBe(want);
  });

  test("a kilowatt costs the price of a kilowatt-hour each hour", () => {
    expect(powerCost(watts(1000), usdPerKwh(0.15))).toEqual(near(0.15));
    expect(powerCost(watts(65), usdPerKwh(0.3))).toEqual(near(0.0195));
  });

  test("what a constant power costs an hour is what its energy costs, to the nano-USD", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 5000, noNaN: true }),
        fc.double({ min: 0, max: 10, noNaN: true }),
        (w, price) => {
          const byEnergy = energyCost(energyOver(watts(w), hours(1)), usdPerKwh(price));
          const byRate = earnedOver(powerCost(watts(w), usdPerKwh(price)), hours(1));
          // Half a millijoule of rounding is worth at most 2 nano-USD at 10 USD/kWh.
          expect(Math.abs(byEnergy - byRate)).toBeLessThanOrEqual(2);
        },
      ),
    );
  });

  test("is a whole number in whatever way it came about", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.nat(1e9), (usd, tokens) => {
        for (const amount of [toUsdNano(usd), tokenCost(tokens, usdPerMillionTokens(1.5)), usdNano(usd)])
          expect(Number.isSafeInteger(amount)).toBe(true);
      }),
    );
  });

  test("survives the way to dollars and back", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e15, max: 1e15 }), (amount) => {
        expect(toUsdNano(toUsd(usdNano(amount)))).toBe(amount);
      }),
    );
  });

  test("adds without losing a nano-USD", () => {
    expect(addUsd(usdNano(9e15), usdNano(1))).toBe(9_000_000_000_000_001);
  });
});
