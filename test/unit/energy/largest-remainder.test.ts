import fc from "fast-check";
import { expect, test } from "vitest";
import { apportion } from "../../../src/energy/largest-remainder.ts";
import { milliJoules } from "../../../src/units/energy.ts";

test.each([
  ["gives equal weights equal parts, the rest to the first", 10, [1, 1, 1], [4, 3, 3]],
  ["gives the rest to the largest remainder", 10, [1, 2, 4], [1, 3, 6]],
  ["gives a weight of 0 nothing", 7, [0, 3, 0], [0, 7, 0]],
  ["treats all weights of 0 as equal", 5, [0, 0], [3, 2]],
  ["splits nothing into nothings", 0, [1, 5], [0, 0]],
  ["has no parts without weights", 0, [], []],
])("%s", (_title, total, weights, parts) => {
  expect(apportion(milliJoules(total), weights)).toEqual(parts);
});

test("always adds up, is never negative and stays within one of the quota", () => {
  const total = fc.integer({ min: 0, max: 2 ** 45 });
  const weights = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(total, weights, (energy, given) => {
      const parts = apportion(milliJoules(energy), given);
      const sum = given.reduce((a, b) => a + b, 0);
      expect(parts.reduce((a, b) => a + b, 0)).toBe(energy);
      for (const [index, part] of parts.entries()) {
        expect(Number.isSafeInteger(part) && part >= 0).toBe(true);
        if (sum > 0) expect(Math.abs(part - (energy * (given[index] ?? 0)) / sum)).toBeLessThan(1.01);
      }
    }),
  );
});

test("adds up even where doubles have no room left for fractions", () => {
  const total = fc.integer({ min: 2 ** 52, max: Number.MAX_SAFE_INTEGER });
  const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(total, weights, (energy, given) => {
      const parts = apportion(milliJoules(energy), given);
      expect(parts.reduce((sum, part) => sum + BigInt(part), 0n)).toBe(BigInt(energy));
      expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
    }),
  );
});
