import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  after,
  elapsed,
  hours,
  millis,
  minutes,
  seconds,
  toHours,
  toSeconds,
  unixMs,
} from "../../../src/units/time.ts";

describe("time", () => {
  const lengths: readonly [string, number, number][] = [
    ["a second is 1000 ms", seconds(1), 1000],
    ["a part of a second is kept", seconds(0.25), 250],
    ["a minute is 60 s", minutes(1), 60_000],
    ["an hour is 60 min", hours(1), 3_600_000],
    ["half an hour in hours", toHours(minutes(30)), 0.5],
    ["1.5 s in seconds", toSeconds(millis(1500)), 1.5],
  ];
  test.each(lengths)("%s", (_reason, got, want) => {
    expect(got).toBe(want);
  });

  test("going on by what has passed arrives where it was measured to", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 4e12 }), (a, b) => {
        expect(after(unixMs(a), elapsed(unixMs(a), unixMs(b)))).toBe(b);
      }),
    );
  });

  test("a wall clock that was set back gives a negative length, not a false positive one", () => {
    expect(elapsed(unixMs(2000), unixMs(500))).toBe(-1500);
  });
});
