import fc from "fast-check";
import { expect, test } from "vitest";
import { createPowerCurve } from "../../../src/energy/power-curve.ts";

const ramp = createPowerCurve(
  [
    { at: 0, power: 100 },
    { at: 1000, power: 300 },
    { at: 2000, power: 300 },
  ],
  100,
);

test("power lies on straight lines between samples, and is level outside them", () => {
  expect([-500, 0, 250, 1000, 5000].map(ramp.powerAt)).toEqual([100, 100, 150, 300, 300]);
});

test("energy is the area below, cut at the span's ends", () => {
  expect(ramp.energy(0, 1000)).toBe(200_000);
  expect(ramp.energy(500, 1500)).toBe(125_000 + 150_000);
  expect(ramp.energy(-1000, 0)).toBe(100_000);
  expect(ramp.energy(700, 700)).toBe(0);
});

test("excess is the area above a level only", () => {
  expect(ramp.excess(0, 2000, 100)).toBe(100_000 + 200_000);
  expect(ramp.excess(0, 2000, 200)).toBe(25_000 + 100_000);
  expect(ramp.excess(0, 2000, 400)).toBe(0);
});

test("reading rarely leaves open where within the gap the power changed", () => {
  expect(ramp.uncertain(0, 1000)).toBeCloseTo((900 * 200) / Math.sqrt(12), 5);
  expect(ramp.uncertain(0, 500)).toBeCloseTo((900 * 200) / Math.sqrt(12) / 2, 5);
  expect(ramp.uncertain(1000, 2000)).toBe(0);
});

test("nothing known is no power", () => {
  const nothing = createPowerCurve([], 0);
  expect([nothing.powerAt(5), nothing.energy(0, 10), nothing.uncertain(0, 10)]).toEqual([0, 0, 0]);
});

test("any cut of a span gives the whole span's energy, and excess is never above energy", () => {
  const point = fc.record({ gap: fc.integer({ min: 1, max: 5000 }), power: fc.integer({ min: 0, max: 600 }) });
  const cut = fc.integer({ min: 0, max: 20_000 });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 12 }), fc.tuple(cut, cut, cut), (steps, cuts) => {
      let at = 0;
      const points = steps.map(({ gap, power }) => {
        at += gap;
        return { at, power };
      });
      const curve = createPowerCurve(points, 100);
      const [a = 0, b = 0, c = 0] = [...cuts].sort((x, y) => x - y);
      expect(curve.energy(a, b) + curve.energy(b, c)).toBeCloseTo(curve.energy(a, c), 3);
      expect(curve.excess(a, c, 50)).toBeLessThanOrEqual(curve.energy(a, c) + 1e-6);
      expect(curve.excess(a, c, 50)).toBeGreaterThanOrEqual(0);
    }),
  );
});
