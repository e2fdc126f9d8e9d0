import { expect, test } from "vitest";
import { errorPct, qualityErrorPct } from "../../../src/energy/error-bound.ts";
import type { EnergyQuality } from "../../../src/ledger/rows.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";

const gap = milliJoules(0);
const mj = milliJoules;

test.each<[title: string, quality: EnergyQuality, lengthS: number, expected: number]>([
  ["an uncalibrated card's gain and, over a minute, a little tick", "counter", 60, 6.1667],
  ["the tick of a short job as well", "counter", 2, 11],
  ["half a point more for sampling a long job", "sampled", 60, 6.5],
  ["the same for a short one, where the sensor sees every moment", "sampled", 5, 6.5],
  ["half of everything for the CPU's assumed model", "assumed", 3600, 50],
  ["a reset counter like a counter; its gap comes on top", "reset", 100, 6.1],
  ["a rejected counter as a guess", "suspect", 3600, 40],
  ["its own tick to a doubted counter on a very short job", "suspect", 0.2, 56],
  ["a counter's for what it moved across a loss", "lost", 60, 6.1667],
  ["everything where no time passed", "counter", 0, 100],
])("gives %s", (_title, quality, lengthS, expected) => {
  expect(qualityErrorPct(quality, seconds(lengthS))).toBeCloseTo(expected, 3);
});

test("uses a calibrated card's own gain, sampled or counted", () => {
  expect(qualityErrorPct("counter", seconds(1000), { gainPct: 1.5 })).toBeCloseTo(1.51, 3);
  expect(qualityErrorPct("sampled", seconds(1000), { gainPct: 1.5 })).toBeCloseTo(2, 3);
});

test("trusts a sensor that sees a quarter of the time only once it has looked for a minute", () => {
  expect(qualityErrorPct("sampled", seconds(59.9), { seesPart: true })).toBe(40);
  expect(qualityErrorPct("sampled", seconds(60), { seesPart: true })).toBeCloseTo(6.5, 3);
});

test("weighs the parts of a window by their energy", () => {
  const energyByQuality = { counter: mj(300), suspect: mj(100) };
  expect(errorPct({ energyByQuality, length: seconds(10_000), gap })).toBeCloseTo((6.001 * 300 + 40 * 100) / 400, 3);
});

test("counts a whole gap as error", () => {
  const length = seconds(10_000);
  expect(errorPct({ energyByQuality: { reset: mj(200) }, length, gap: mj(50) })).toBeCloseTo(31.001, 2);
  expect(errorPct({ energyByQuality: { lost: mj(0) }, length, gap: mj(50) })).toBe(100);
});

test("has no error where there is no energy and no gap", () => {
  expect(errorPct({ energyByQuality: {}, length: seconds(0), gap })).toBe(0);
});

test("vouches for nothing where time passed and no energy was told: a tick may hide it all", () => {
  expect(errorPct({ energyByQuality: { counter: mj(0) }, length: seconds(0.04), gap })).toBe(100);
});

test("caps a very short job's error at everything", () => {
  expect(errorPct({ energyByQuality: { counter: mj(5) }, length: seconds(0.001), gap })).toBe(100);
});
