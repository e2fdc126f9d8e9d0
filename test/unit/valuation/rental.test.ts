import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { valueRental } from "../../../src/valuation/rental.ts";

const FACTS = {
  ask: usdPerHour(0.2),
  occupancy: 0.6,
  platformCut: 0.25,
  power: watts(400),
  electricity: { price: usdPerKwh(0.15) },
};

describe("what renting a GPU out is worth", () => {
  test("is the ask while it is rented, less the platform's cut and the power of that time", () => {
    // 0.2 · 0.6 = 0.12; · 0.75 = 0.09; 0.4 kW · 0.15 · 0.6 = 0.036.
    expect(valueRental(FACTS)).toMatchObject({
      workload: "lease",
      revenue: expect.closeTo(0.09, 12),
      electricity: expect.closeTo(0.036, 12),
      net: expect.closeTo(0.054, 12),
      breakEven: expect.closeTo(0.375, 12),
      why: "renting it out at $0.200/h for 60 % of the time pays $0.120/h, less 25 % of the platform ($0.0300/h) and 400 W at $0.150/kWh while it is rented ($0.0360/h) = $0.0540/h",
    });
  });

  test("tells an ask that others make, and where it was seen", () => {
    const origin = { source: "console.vast.ai", asOf: unixMs(1_760_000_000_000) };
    const { why, price } = valueRental({ ...FACTS, origin });
    expect(why).toContain("renting it out at $0.200/h, what others ask, for 60 % of the time pays");
    expect(price?.origin).toEqual(origin);
  });

  test("is unknown while its power or what that costs is", () => {
    const { power: _p, ...unmeasured } = FACTS;
    const { electricity: _e, ...unpriced } = FACTS;
    for (const facts of [unmeasured, unpriced]) {
      expect(valueRental(facts)).not.toHaveProperty("net");
      expect(valueRental(facts).why).toContain("and so is its net");
    }
  });

  test("that nobody rents brings nothing and has no break-even price", () => {
    const valuation = valueRental({ ...FACTS, occupancy: 0 });
    expect(valuation.net).toBeCloseTo(0, 12);
    expect(valuation).not.toHaveProperty("breakEven");
  });
});
