import { describe, expect, test } from "vitest";
import {
  coinbaseHalves,
  heightPush,
  syntheticCount,
  syntheticTransaction,
} from "../../../../src/mining/reference/transactions.ts";

interface ParsedTransaction {
  readonly version: number;
  readonly spentIndex: number;
  readonly script: Buffer;
  readonly value: bigint;
  readonly end: number;
}

/** Reads a transaction of one input and one output as a Bitcoin node would. */
function parseTransaction(bytes: Buffer): ParsedTransaction {
  const version = bytes.readUInt32LE(0);
  expect(bytes[4], "inputs").toBe(1);
  const spentIndex = bytes.readUInt32LE(37);
  const scriptLength = bytes[41] ?? 0;
  const script = bytes.subarray(42, 42 + scriptLength);
  let at = 42 + scriptLength;
  expect(bytes.readUInt32LE(at), "sequence").toBe(0xffffffff);
  at += 4;
  expect(bytes[at], "outputs").toBe(1);
  const value = bytes.readBigUInt64LE(at + 1);
  const outLength = bytes[at + 9] ?? 0;
  at += 10 + outLength;
  expect(bytes.readUInt32LE(at), "lock time").toBe(0);
  return { version, spentIndex, script, value, end: at + 4 };
}

const whole = (height: number, extranonces: Buffer) => {
  const { before, after } = coinbaseHalves(height, extranonces.length);
  return Buffer.concat([before, extranonces, after]);
};

describe("the coinbase", () => {
  for (const height of [0, 1, 16, 17, 128, 70_000])
    test(`of block ${height} is a whole transaction once its gap is filled`, () => {
      const bytes = whole(height, Buffer.from("0102030405060708", "hex"));
      const parsed = parseTransaction(bytes);
      expect(parsed).toMatchObject({ version: 1, spentIndex: 0xffffffff, value: 5_000_000_000n, end: bytes.length });
    });

  test("spends nothing, as only a coinbase may", () => {
    expect(whole(5, Buffer.alloc(8)).subarray(5, 37)).toEqual(Buffer.alloc(32));
  });

  test("begins its script with the height and pushes the extranonces as one item", () => {
    const extranonces = Buffer.from("a1a2a3a4b1b2b3b4", "hex");
    const { script } = parseTransaction(whole(300, extranonces));
    const height = heightPush(300);
    expect(script.subarray(0, height.length)).toEqual(height);
    expect(script[height.length]).toBe(8);
    expect(script.subarray(height.length + 1, height.length + 9)).toEqual(extranonces);
  });

  test("keeps to the 100 bytes of script that the protocol allows", () => {
    expect(parseTransaction(whole(2 ** 31, Buffer.alloc(32))).script.length).toBeLessThanOrEqual(100);
  });
});

describe("synthetic transactions", () => {
  test("are whole transactions", () => {
    const bytes = syntheticTransaction(7, 3);
    expect(parseTransaction(bytes)).toMatchObject({ version: 1, spentIndex: 0, value: 1003n, end: bytes.length });
  });

  test("are the same on every run, and never twice the same in a chain", () => {
    expect(syntheticTransaction(7, 3)).toEqual(syntheticTransaction(7, 3));
    const all = [1, 2, 3].flatMap((height) => [0, 1, 2].map((i) => syntheticTransaction(height, i).toString("hex")));
    expect(new Set(all).size).toBe(9);
  });

  test("come in numbers that make merkle trees of every depth up to four", () => {
    const depths = Array.from({ length: 24 }, (_, height) => Math.ceil(Math.log2(syntheticCount(height) + 1)));
    expect(new Set(depths)).toEqual(new Set([1, 2, 3, 4]));
  });
});
