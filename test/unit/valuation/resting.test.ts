import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh } from "../../../src/units/money.ts";
import { valueResting } from "../../../src/valuation/resting.ts";

describe("what resting is worth", () => {
  test("is the idle watts as a loss", () => {
    expect(valueResting(watts(20), { price: usdPerKwh(0.15) })).toMatchObject({
      workload: "none",
      label: "rest",
      revenue: 0,
      electricity: expect.closeTo(0.003, 12),
      net: expect.closeTo(-0.003, 12),
      power: 20,
      why: "resting earns nothing and still costs 20 W at $0.150/kWh = −$0.00300/h",
    });
  });

  test("claims no power and no cost while nobody measured the idle watts, and says that its net is a bound", () => {
    const valuation = valueResting(undefined, { price: usdPerKwh(0.15) });
    expect(valuation.net).toBeCloseTo(0, 12);
    expect(valuation).not.toHaveProperty("power");
    expect(valuation).not.toHaveProperty("electricity");
    expect(valuation.why).toBe(
      "resting earns nothing, and what it costs is unknown until a rest was measured: net is its upper bound, $0",
    );
  });

  test("stays unknown where nobody knows what its power costs", () => {
    const valuation = valueResting(watts(20), undefined);
    expect(valuation).not.toHaveProperty("net");
    expect(valuation).not.toHaveProperty("electricity");
    expect(valuation.why).toBe("resting earns nothing, and what its power costs is unknown");
  });

  test("never has a break-even price: no electricity price makes it pay", () => {
    expect(valueResting(watts(20), { price: usdPerKwh(0) })).not.toHaveProperty("breakEven");
  });
});
