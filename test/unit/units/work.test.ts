import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { difficulty, hashrate, toDifficulty, toExpectedHashes, tokensPerSecond } from "../../../src/units/work.ts";

describe("work", () => {
  test("difficulty 1 is 2^32 expected hashes, and a fraction of it rounds to whole ones", () => {
    expect(toExpectedHashes(difficulty(1))).toBe(4_294_967_296);
    expect(toExpectedHashes(difficulty(1e-10))).toBe(0);
    expect(toExpectedHashes(difficulty(0.001))).toBe(4_294_967);
  });

  test("difficulty and expected hashes convert into one another", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 52 }), (hashes) => {
        expect(toExpectedHashes(toDifficulty(hashes))).toBe(hashes);
      }),
    );
  });

  test("rates are numbers that carry nothing but their type", () => {
    expect([hashrate(5), tokensPerSecond(7)]).toEqual([5, 7]);
  });
});
