import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HeaderScanner, hashHeader } from "../../../../src/mining/reference/sha256d.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const expected = (header: Uint8Array) => sha256(sha256(header)).toString("hex");

const withNonce = (header: Uint8Array, nonce: number): Buffer => {
  const copy = Buffer.from(header);
  copy.writeUInt32LE(nonce, 76);
  return copy;
};

/** The top 32 bits of a hash in header order. */
const topOf = (hash: Uint8Array): number => Buffer.from(hash).readUInt32LE(28);

describe("hashHeader", () => {
  test("agrees with node:crypto on any 80 bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 80, maxLength: 80 }), (header) => {
        expect(Buffer.from(hashHeader(header)).toString("hex")).toBe(expected(header));
      }),
      { numRuns: 500 },
    );
  });

  test("reads a header that lies inside a larger buffer", () => {
    const large = randomBytes(200);
    const header = large.subarray(37, 117);
    expect(Buffer.from(hashHeader(header)).toString("hex")).toBe(expected(header));
  });

  test("gives Bitcoin's genesis block its famous hash", () => {
    const genesis = Buffer.from(
      "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
      "hex",
    );
    expect(Buffer.from(hashHeader(genesis)).reverse().toString("hex")).toBe(
      "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    );
  });
});

describe("HeaderScanner", () => {
  const header = randomBytes(80);

  test("hashes any nonce, whatever nonce the header carried", () => {
    const scanner = new HeaderScanner(header);
    for (const nonce of [0, 1, 0x7fffffff, 0x80000000, 0xdeadbeef, 0xffffffff]) {
      const hash = Buffer.from(scanner.hash(nonce)).toString("hex");
      expect(hash, `nonce ${nonce}`).toBe(expected(withNonce(header, nonce)));
    }
  });

  test("returns the first nonce at or below the limit, and no other", () => {
    const scanner = new HeaderScanner(header);
    const limit = 0xffffffff / 64;
    const brute = Array.from({ length: 2000 }, (_, nonce) => nonce).filter(
      (nonce) => topOf(scanner.hash(nonce)) <= limit,
    );
    const scanned: number[] = [];
    for (let from = 0; from < 2000; ) {
      const nonce = scanner.scan(from, 2000 - from, limit);
      if (nonce === undefined) break;
      scanned.push(nonce);
      from = nonce + 1;
    }
    expect(brute.length).toBeGreaterThan(5);
    expect(scanned).toEqual(brute);
  });

  test("finds nothing in an empty range or below an impossible limit", () => {
    const scanner = new HeaderScanner(header);
    expect(scanner.scan(0, 0, 0xffffffff)).toBeUndefined();
    expect(scanner.scan(0, 1000, -1)).toBeUndefined();
  });

  test("takes every nonce when the limit is the largest possible", () => {
    expect(new HeaderScanner(header).scan(77, 10, 0xffffffff)).toBe(77);
  });

  test("goes on past the largest nonce at zero", () => {
    const scanner = new HeaderScanner(header);
    expect(scanner.scan(0xffffffff, 1, 0xffffffff)).toBe(0xffffffff);
    expect(scanner.scan(2 ** 32, 1, 0xffffffff)).toBe(0);
  });
});
