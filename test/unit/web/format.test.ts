import { describe, expect, test } from "vitest";
import {
  formatCount,
  formatDecimal,
  formatDifficulty,
  formatDuration,
  formatMoment,
  formatRunning,
  formatUsd,
  formatUsdNano,
  join,
  toEnergy,
  toHashrate,
  toMemory,
  toPower,
  toTemperature,
  toTokenRate,
  UNKNOWN,
} from "../../../src/web/format.ts";

describe("an unknown number", () => {
  test("is a dash, never a zero", () => {
    for (const absent of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect([formatCount(absent), formatUsd(absent), formatUsdNano(absent), formatDuration(absent)]).toEqual(
        Array(4).fill(UNKNOWN),
      );
      const quantities = [toPower, toHashrate, toTokenRate, toTemperature, toEnergy, toMemory].map(
        (to) => to(absent).text,
      );
      expect(quantities).toEqual(Array(6).fill(UNKNOWN));
    }
  });

  test("keeps its unit", () => expect(join(toPower(null))).toBe("– W"));
});

describe("money", () => {
  const cases = [
    [1234.5, "$1,234.50"],
    [1, "$1.00"],
    [0.31, "$0.310"],
    [0.018_42, "$0.0184"],
    [0.000_041_25, "$0.0000413"],
    [0.000_001, "$0.00000100"],
    [7.2e-8, "<$0.000001"],
    [-7.2e-8, "−<$0.000001"],
    [1e-10, "$0.00"],
    [0, "$0.00"],
    [-0.0027, "−$0.00270"],
    [-0, "$0.00"],
    [-1e-12, "$0.00"],
  ] as const;
  for (const [usd, text] of cases) test(`${usd} USD reads ${text}`, () => expect(formatUsd(usd)).toBe(text));

  test("from the ledger is nano-dollars", () => expect(formatUsdNano(41_250)).toBe("$0.0000413"));
});

describe("quantities", () => {
  const cases = [
    [toPower(64.83), "64.8 W"],
    [toPower(0), "0.0 W"],
    [toPower(1234.4), "1,234 W"],
    [toHashrate(0), "0.00 H/s"],
    [toHashrate(999.4), "999 H/s"],
    [toHashrate(999.6), "1.00 kH/s"],
    [toHashrate(24_130_000), "24.1 MH/s"],
    [toHashrate(3.2e18), "3,200 PH/s"],
    [toTokenRate(212.4), "212 tok/s"],
    [toTokenRate(4.25), "4.25 tok/s"],
    [toTemperature(61.4), "61 °C"],
    [toMemory(24_564), "24.0 GiB"],
    [toEnergy(0), "0.00 J"],
    [toEnergy(107_456), "107 J"],
    [toEnergy(999_400), "999 J"],
    [toEnergy(3_599_000), "3.60 kJ"],
    [toEnergy(390_720_000), "391 kJ"],
    [toEnergy(3_599_000_000), "3,599 kJ"],
    [toEnergy(3_600_000_000), "1.00 kWh"],
    [toEnergy(9_390_720_000), "2.61 kWh"],
  ] as const;
  for (const [quantity, text] of cases) test(`read ${text}`, () => expect(join(quantity)).toBe(text));
});

describe("durations", () => {
  const cases = [
    [0, "0 ms"],
    [430.4, "430 ms"],
    [1840, "1.8 s"],
    [9999, "9.9 s"],
    [59_999, "59 s"],
    [724_000, "12 min 04 s"],
    [6_000_000, "1 h 40 min"],
    [187_200_000, "2 d 4 h"],
    [-5, "0 ms"],
  ] as const;
  for (const [length, text] of cases)
    test(`of ${length} ms read ${text}`, () => expect(formatDuration(length)).toBe(text));

  test("that still grow show whole seconds only", () => {
    expect([-5, 0, 999, 1000, 9500, 61_500].map(formatRunning)).toEqual([
      "0 s",
      "0 s",
      "0 s",
      "1 s",
      "9 s",
      "1 min 01 s",
    ]);
  });
});

describe("a moment", () => {
  const noon = new Date(2026, 8, 14, 12, 0, 0).getTime();

  test("of today is a time of day, in the reader's zone", () =>
    expect(formatMoment(noon - 1000, noon)).toBe("11:59:59"));

  test("of another day has its date", () => expect(formatMoment(noon - 86_400_000, noon)).toBe("13 Sept, 12:00:00"));

  test("that is unknown is a dash", () => expect(formatMoment(null, noon)).toBe(UNKNOWN));
});

test("a difficulty has three significant digits", () => {
  expect([null, 0, 0.013_978, 1, 511.6, 999.7, 65_536].map(formatDifficulty)).toEqual([
    "–",
    "0",
    "0.0140",
    "1.00",
    "512",
    "1.00 k",
    "65.5 k",
  ]);
});

test("decimals stay within what can be shown", () => {
  expect([formatDecimal(1, 20), formatDecimal(1.6, -3), formatDecimal(-0.001, 2)]).toEqual([
    "1.000000000",
    "2",
    "0.00",
  ]);
});
