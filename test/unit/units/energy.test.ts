import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addEnergy,
  energyOver,
  milliJoules,
  toJoules,
  toKilowattHours,
  watts,
  ZERO_ENERGY,
} from "../../../src/units/energy.ts";
import { millis, seconds } from "../../../src/units/time.ts";

describe("energy", () => {
  test("a kilowatt-hour is 3.6 billion millijoules", () => {
    expect(toKilowattHours(milliJoules(3_600_000_000))).toBe(1);
  });

  test("a watt over a second is a joule, which is 1000 mJ", () => {
    expect(energyOver(watts(1), seconds(1))).toBe(1000);
    expect(toJoules(energyOver(watts(1), seconds(1)))).toBe(1);
  });

  test("is always a whole number of millijoules", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 5000, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (p, t) => {
          const energy = energyOver(watts(p), millis(t));
          expect(Number.isSafeInteger(energy)).toBe(true);
          expect(Math.abs(energy - p * t)).toBeLessThanOrEqual(0.5);
        },
      ),
    );
  });

  test("adds exactly up to what 53 bits hold", () => {
    const most = milliJoules(Number.MAX_SAFE_INTEGER - 1);
    expect(addEnergy(most, milliJoules(1))).toBe(Number.MAX_SAFE_INTEGER);
    expect(addEnergy(most, ZERO_ENERGY)).toBe(most);
  });

  test("two hundred and eighty-five years at a kilowatt are still a safe integer", () => {
    expect(Number.isSafeInteger(energyOver(watts(1000), millis(285 * 365 * 86_400_000)))).toBe(true);
  });
});
