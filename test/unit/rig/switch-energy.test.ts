import { describe, expect, test } from "vitest";
import { type SwitchFacts, switchEnergy } from "../../../src/rig/switch-energy.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { millis } from "../../../src/units/time.ts";

const windowOf = (energy: number, quality: "counter" | "suspect" | "lost" = "counter", pending = 0) => ({
  energy: milliJoules(energy),
  pending: milliJoules(pending),
  quality,
});
const readAt = (monotonic: number, power?: number) => ({
  monotonic: millis(monotonic),
  ...(power === undefined ? {} : { power: watts(power) }),
});
/** From 1 s to 3 s. */
const facts = (window: SwitchFacts["window"], reading: SwitchFacts["reading"]): SwitchFacts => ({
  opened: millis(1000),
  closed: millis(3000),
  window,
  reading,
});

describe("what a switch used", () => {
  test.each<[string, SwitchFacts["window"], SwitchFacts["reading"], number | undefined]>([
    ["is what the meter says, where readings reach its end", windowOf(7000), readAt(3001, 100), 7000],
    ["counts what is still to come", windowOf(7000, "counter", 500), readAt(3001, 100), 7500],
    ["goes on at the last power where the end was not read", windowOf(7000), readAt(2500, 100), 57_000],
    ["is told by power alone where only its beginning was read", undefined, readAt(999, 100), 200_000],
    ["is told by power where the counter did not move", windowOf(0), readAt(3001, 100), 200_000],
    ["is nothing for a GPU that draws nothing", windowOf(0), readAt(3001, 0), 0],
    ["is unknown where no reading came", undefined, undefined, undefined],
    ["is unknown where the counter did not move and no power is told", windowOf(0), readAt(3001), undefined],
    ["is unknown where a part was not read and no power is told", windowOf(7000), readAt(2500), undefined],
    ["is unknown where what was read is not trusted", windowOf(0, "suspect"), readAt(3001, 100), undefined],
    ["is unknown where the GPU was lost", windowOf(0, "lost"), readAt(3001, 100), undefined],
    ["keeps what was trusted of it", windowOf(7000, "suspect"), readAt(3001, 100), 7000],
  ])("%s", (_title, window, reading, energy) => {
    expect(switchEnergy(facts(window, reading))).toBe(energy);
  });

  test("is nothing where it took no time", () => {
    expect(switchEnergy({ ...facts(undefined, undefined), closed: millis(1000) })).toBe(0);
  });
});
