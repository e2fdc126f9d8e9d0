import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromDisplayHash } from "../../../../src/mining/reference/header.ts";
import {
  meetsBits,
  meetsDifficulty,
  toBits,
  toBlockDifficulty,
  toDifficultyBits,
  toHashDifficulty,
  toHashValue,
  toTarget,
  toTopLimit,
} from "../../../../src/mining/reference/target.ts";
import { difficulty } from "../../../../src/units/work.ts";

const GENESIS = fromDisplayHash("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");

describe("compact targets", () => {
  const known = [
    // bits, target in hex, why
    [0x1d00ffff, `00000000ffff${"0".repeat(52)}`, "difficulty 1"],
    [0x1b0404cb, `00000000000404cb${"0".repeat(48)}`, "the Bitcoin wiki's example"],
    [0x207fffff, `7fffff${"0".repeat(58)}`, "regtest's easiest"],
    [0x03123456, "123456".padStart(64, "0"), "no shift at all"],
    [0x02008000, "80".padStart(64, "0"), "a shift to the right"],
  ] as const;
  for (const [bits, hex, why] of known)
    test(`${bits.toString(16)} stands for its target: ${why}`, () => {
      expect(toTarget(bits).toString(16).padStart(64, "0")).toBe(hex);
      expect(toBits(toTarget(bits))).toBe(bits);
    });

  test("a negative or overflowing compact form is a target that nothing meets", () => {
    expect(toTarget(0x1d80ffff)).toBe(0n);
    expect(toTarget(0xff00ffff)).toBe(0n);
    expect(meetsBits(GENESIS, 0x1d80ffff)).toBe(false);
  });

  test("every target survives the way to its compact form and back, rounded down by less than 2^-15", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n << 24n, max: (1n << 255n) - 1n }), (target) => {
        const back = toTarget(toBits(target));
        expect(back <= target).toBe(true);
        expect(Number(target - back) / Number(target)).toBeLessThan(2 ** -15);
      }),
    );
  });

  test("a block's difficulty is read from its bits as explorers do", () => {
    expect(toBlockDifficulty(0x1d00ffff)).toBe(1);
    expect(toBlockDifficulty(0x1b04864c)).toBeCloseTo(14484.162361, 5);
    expect(toBlockDifficulty(0x1705c739)).toBeGreaterThan(4e13);
  });

  test("the bits of a difficulty give that difficulty back to the precision of the compact form", () => {
    for (const wanted of [2 ** -24, 0.001, 0.01, 1, 1000, 1e12])
      expect(toBlockDifficulty(toDifficultyBits(difficulty(wanted))) / wanted).toBeCloseTo(1, 4);
  });

  test("no difficulty is so low that its target leaves the compact form", () => {
    expect(toTarget(toDifficultyBits(difficulty(1e-30)))).toBeLessThan(1n << 255n);
  });
});

describe("hash difficulty", () => {
  test("the genesis block meets difficulty 1 and up to its own 2536", () => {
    expect(Math.floor(toHashDifficulty(GENESIS))).toBe(2536);
    expect(meetsDifficulty(GENESIS, difficulty(1))).toBe(true);
    expect(meetsDifficulty(GENESIS, difficulty(2536))).toBe(true);
    expect(meetsDifficulty(GENESIS, difficulty(2537))).toBe(false);
    expect(meetsBits(GENESIS, 0x1d00ffff)).toBe(true);
    expect(meetsBits(GENESIS, 0x1b04864c)).toBe(false);
  });

  test("a hash is read with its last byte as the most significant", () => {
    const hash = new Uint8Array(32);
    hash[31] = 1;
    expect(toHashValue(hash)).toBe(2 ** 248);
  });

  test("the cheap limit never refuses a hash that meets the difficulty", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.double({ min: 1e-10, max: 1, noNaN: true }),
        (hash, value) => {
          const wanted = difficulty(value);
          const top = Buffer.from(hash).readUInt32LE(28);
          if (meetsDifficulty(hash, wanted)) expect(top).toBeLessThanOrEqual(toTopLimit(wanted));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
