import { describe, expect, test } from "vitest";
import { createBackoff } from "../../../src/lib/backoff.ts";
import { seconds } from "../../../src/units/time.ts";

describe("backing off", () => {
  const middle = () => 0.5;

  test("doubles from the first delay to the last and stays there", () => {
    const backoff = createBackoff(seconds(5), seconds(60), middle);
    expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  test("begins again after a success", () => {
    const backoff = createBackoff(seconds(1), seconds(60), middle);
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(1000);
  });

  test("spreads a crowd over a fifth to either side", () => {
    expect(createBackoff(seconds(10), seconds(60), () => 0).next()).toBe(8000);
    expect(createBackoff(seconds(10), seconds(60), () => 0.999_999).next()).toBeCloseTo(12_000, -1);
    const delays = Array.from({ length: 200 }, () => createBackoff(seconds(10), seconds(60)).next());
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(8000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(12_000);
    expect(new Set(delays).size).toBeGreaterThan(100);
  });
});
