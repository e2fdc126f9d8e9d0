import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { effectiveHashrate } from "../../../../src/mining/stratum/effective-hashrate.ts";
import { millis, minutes, seconds } from "../../../../src/units/time.ts";

const shares = (count: number, expectedHashes = 1000) => Array.from({ length: count }, () => ({ expectedHashes }));

describe("effectiveHashrate", () => {
  test("is the accepted work over the window", () => {
    expect(effectiveHashrate(shares(20), seconds(100))?.hashrate).toBe(200);
  });

  test("adds up shares of different difficulty", () => {
    const mixed = [...shares(10, 1000), ...shares(10, 3000)];
    expect(effectiveHashrate(mixed, seconds(100))?.hashrate).toBe(400);
  });

  test("is not known before there are ten shares", () => {
    expect(effectiveHashrate(shares(9), minutes(10))).toBeUndefined();
    expect(effectiveHashrate(shares(10), minutes(10))).toBeDefined();
  });

  test("waits for as many shares as the caller wants", () => {
    expect(effectiveHashrate(shares(20), minutes(10), 21)).toBeUndefined();
    expect(effectiveHashrate(shares(3), minutes(10), 3)).toBeDefined();
  });

  test("is not known without shares, time or work", () => {
    expect(effectiveHashrate([], minutes(10), 0)).toBeUndefined();
    expect(effectiveHashrate(shares(20), millis(0))).toBeUndefined();
    expect(effectiveHashrate(shares(20), millis(-5))).toBeUndefined();
    expect(effectiveHashrate(shares(20, 0), minutes(10))).toBeUndefined();
  });

  // Exact two-sided 95 % limits of a Poisson mean, from published tables.
  const exact = [
    [10, 4.795, 18.39],
    [20, 12.217, 30.888],
    [50, 37.111, 65.919],
    [100, 81.364, 121.627],
  ] as const;
  for (const [count, low, high] of exact)
    test(`puts ${count} shares between the exact Poisson limits ${low} and ${high}`, () => {
      const rate = effectiveHashrate(shares(count, 1), seconds(1));
      expect(Number(rate?.low) / low).toBeCloseTo(1, 2);
      expect(Number(rate?.high) / high).toBeCloseTo(1, 2);
    });

  test("trusts shares of very unequal weight less than as many equal ones", () => {
    const equal = effectiveHashrate(shares(20, 1000), seconds(100));
    const unequal = effectiveHashrate([...shares(19, 1), { expectedHashes: 19_981 }], seconds(100));
    expect(unequal?.hashrate).toBe(equal?.hashrate);
    expect(Number(unequal?.high) - Number(unequal?.low)).toBeGreaterThan(Number(equal?.high) - Number(equal?.low));
    expect(unequal?.low).toBeGreaterThanOrEqual(0);
  });

  test("always lies inside its own interval", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1e12 }), { minLength: 10, maxLength: 200 });
    fc.assert(
      fc.property(weights, (list) => {
        const rate = effectiveHashrate(
          list.map((expectedHashes) => ({ expectedHashes })),
          minutes(10),
        );
        expect(rate?.low).toBeLessThanOrEqual(Number(rate?.hashrate));
        expect(rate?.high).toBeGreaterThanOrEqual(Number(rate?.hashrate));
      }),
    );
  });
});
