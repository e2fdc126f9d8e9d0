import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";

describe("the system's clock", () => {
  test("tells wall time in whole Unix milliseconds and monotonic time that does not go back", () => {
    const [wall, before] = [systemClock.now(), systemClock.monotonic()];
    expect(Number.isInteger(wall)).toBe(true);
    expect(Math.abs(wall - Date.now())).toBeLessThan(1000);
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
  });
});
