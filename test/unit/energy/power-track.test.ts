import { expect, test } from "vitest";
import { createPowerTrack } from "../../../src/energy/power-track.ts";
import { watts } from "../../../src/units/energy.ts";
import { millis } from "../../../src/units/time.ts";

const TENTH = { window: millis(100), update: millis(100) };

function track(samples: readonly (readonly [at: number, power: number])[], sensor = TENTH) {
  const made = createPowerTrack();
  for (const [at, power] of samples) made.push(millis(at), watts(power), sensor);
  return made;
}

test("a value belongs to when it was measured, not to when it was read", () => {
  const { end, ...made } = track([
    [1000, 50],
    [1100, 70],
  ]);
  expect(end).toBe(1000);
  expect([900, 950, 1000].map(made.curve().powerAt)).toEqual([50, 60, 70]);
});

test("a repeated value counts from when it was first seen, until the update before the next one", () => {
  const made = track([
    [1000, 50],
    [1030, 50],
    [1060, 50],
    [1390, 50],
    [1400, 90],
  ]);
  expect([900, 1199, 1200, 1250, 1300].map(made.curve().powerAt)).toEqual([50, 50, 50, 70, 90]);
});

test("what was not seen again does not hold: the line starts where it was last seen", () => {
  const made = track([
    [1000, 50],
    [3000, 90],
  ]);
  expect(made.curve().powerAt(1900)).toBe(70);
});

test("power is known up to the newest reading, less the sensor's age", () => {
  expect(
    track([
      [1000, 50],
      [1700, 50],
    ]).end,
  ).toBe(1600);
  expect(track([]).end).toBe(0);
});

test("what was measured never goes back in time when the sensor changes", () => {
  const made = createPowerTrack();
  made.push(millis(1000), watts(50), TENTH);
  made.push(millis(1010), watts(80), { window: millis(1000), update: millis(100) });
  expect(made.end).toBeGreaterThanOrEqual(900);
  expect(made.curve().energy(900, 1000)).toBeGreaterThan(0);
});

test("a curve that was given out does not change, whatever is forgotten or added", () => {
  const made = track([
    [1000, 50],
    [1100, 70],
    [1200, 90],
  ]);
  const curve = made.curve();
  made.forget(millis(1050));
  made.push(millis(1300), watts(500), TENTH);
  expect(curve.powerAt(900)).toBe(50);
  expect(made.curve().powerAt(900)).toBe(70);
  made.clear();
  expect(curve.powerAt(1100)).toBe(90);
  expect(made.curve().powerAt(1100)).toBe(0);
});
