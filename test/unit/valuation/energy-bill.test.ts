import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { milliJoules } from "../../../src/units/energy.ts";
import { energyCost, usdPerKwh } from "../../../src/units/money.ts";
import { EnergyBill } from "../../../src/valuation/energy-bill.ts";

const KWH = 3_600_000_000;

describe("a bill", () => {
  test("charges each part at the price of its time", () => {
    const bill = new EnergyBill();
    expect(bill.charge(milliJoules(KWH), usdPerKwh(0.3))).toBe(300_000_000);
    expect(bill.charge(milliJoules(3 * KWH), usdPerKwh(0.1))).toBe(500_000_000);
    expect(bill.charge(milliJoules(4 * KWH), usdPerKwh(-0.05))).toBe(450_000_000);
  });

  test("is the plain product at one price, however often it is charged", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: KWH }), { minLength: 1, maxLength: 200 }), (parts) => {
        const bill = new EnergyBill();
        let total = 0;
        let cost = 0;
        for (const part of parts) {
          total += part;
          cost = bill.charge(milliJoules(total), usdPerKwh(0.25));
        }
        expect(Math.abs(cost - energyCost(milliJoules(total), usdPerKwh(0.25)))).toBeLessThanOrEqual(1);
      }),
    );
  });
});
