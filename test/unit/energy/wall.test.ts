import { expect, test } from "vitest";
import { DEFAULT_WALL_MODEL, wallEnergy } from "../../../src/energy/wall.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";

test("assumes a power supply of 90 % and no host share unless told otherwise", () => {
  expect(wallEnergy(DEFAULT_WALL_MODEL, milliJoules(900), { length: seconds(60), share: 1 })).toBe(1000);
});

test("adds the job's part of the host for as long as it ran", () => {
  const model = { hostPower: watts(80), factor: 1.1 };
  expect(wallEnergy(model, milliJoules(1_000_000), { length: seconds(10), share: 0.25 })).toBe(1_300_000);
});
