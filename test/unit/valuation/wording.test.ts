import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { hashrate } from "../../../src/units/work.ts";
import { sayHashrate, sayPower, sayPrice, sayRate, sayUsd } from "../../../src/valuation/wording.ts";

describe("money in words", () => {
  const amounts: readonly [string, number, string][] = [
    ["nothing", 0, "$0.00"],
    ["no money has no sign", -0, "$0.00"],
    ["dollars in cents", 1234.5, "$1234.50"],
    ["one dollar", 1, "$1.00"],
    ["just under a dollar", 0.9, "$0.900"],
    ["three digits of a small rate", 0.0118, "$0.0118"],
    ["a loss with a true minus sign", -0.0118, "−$0.0118"],
    ["micro-USD", 0.000_001_234, "$0.00000123"],
    ["a nano-USD, the least the ledger holds", 1e-9, "$0.000000001"],
    ["less than the ledger holds has no sign", -1e-12, "$0.000000000"],
    ["a large loss", -1_000_000, "−$1000000.00"],
  ];
  test.each(amounts)("%s", (_title, usd, words) => {
    expect(sayUsd(usd)).toBe(words);
  });

  test("are never in exponent form, and are right to half a percent down to a micro-USD", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), fc.boolean(), (size, isLoss) => {
        const words = sayUsd(isLoss ? -size : size);
        expect(words).toMatch(/^−?\$\d+\.\d{2,9}$/);
        expect(words.startsWith("−")).toBe(isLoss);
        expect(Math.abs(Number(words.replace(/^−?\$/, "")) - size)).toBeLessThanOrEqual(size * 0.0051);
      }),
    );
  });

  test("carry their unit", () => {
    expect(sayRate(usdPerHour(-0.5))).toBe("−$0.500/h");
    expect(sayPrice(usdPerKwh(0.15))).toBe("$0.150/kWh");
  });
});

describe("power in words", () => {
  test.each([
    ["a tenth of a watt below ten", 9.94, "9.9 W"],
    ["whole watts from ten on", 10, "10 W"],
    ["no watts", 0, "0.0 W"],
    ["a kilowatt stays in watts", 1499.6, "1500 W"],
  ])("%s", (_title, power, words) => {
    expect(sayPower(watts(power))).toBe(words);
  });
});

describe("a hashrate in words", () => {
  test.each([
    ["none", 0, "0.00 H/s"],
    ["single hashes", 12.345, "12.35 H/s"],
    ["less than one a second", 0.5, "0.50 H/s"],
    ["up to the prefix", 999.994, "999.99 H/s"],
    ["rounding takes it to the next prefix", 999.996, "1.00 kH/s"],
    ["the prefix itself", 1000, "1.00 kH/s"],
    ["mega", 24_130_000, "24.13 MH/s"],
    ["giga just rounded up", 999_999_999, "1.00 GH/s"],
    ["tera", 100e12, "100.00 TH/s"],
    ["peta", 3.2e15, "3.20 PH/s"],
    ["beyond the last prefix", 5e19, "50000.00 PH/s"],
  ])("%s", (_title, rate, words) => {
    expect(sayHashrate(hashrate(rate))).toBe(words);
  });

  test("has one to three digits before the point up to peta", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 999e15, noNaN: true }), (rate) => {
        expect(sayHashrate(hashrate(rate))).toMatch(/^\d{1,3}\.\d\d [kMGTP]?H\/s$/);
      }),
    );
  });
});
