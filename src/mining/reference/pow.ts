import { scryptSync } from "node:crypto";
import { type Difficulty, difficulty, toExpectedHashes } from "../../units/work.ts";
import { hashHeader } from "./sha256d.ts";
import { meetsDifficulty, toBlockDifficulty } from "./target.ts";

/** How a chain of the Bitcoin family proves its work, and on which scale its pools count it. */
export interface ProofOfWork {
  readonly algorithm: "sha256d" | "scrypt";
  /** The hash of an 80-byte header that must meet the target, header order. */
  hash(header: Uint8Array): Uint8Array;
  meets(hash: Uint8Array, wanted: Difficulty): boolean;
  blockDifficulty(bits: number): Difficulty;
  expectedHashes(value: Difficulty): number;
}

export const sha256d: ProofOfWork = {
  algorithm: "sha256d",
  hash: hashHeader,
  meets: meetsDifficulty,
  blockDifficulty: toBlockDifficulty,
  expectedHashes: toExpectedHashes,
};

/** A scrypt pool's difficulty 1 is 2^16 times easier than Bitcoin's. */
const EASIER = 2 ** 16;

/** Litecoin's: scrypt with N = 1024, r = 1, p = 1, the header as password and as salt. */
export const scrypt: ProofOfWork = {
  algorithm: "scrypt",
  hash: (header) => scryptSync(header, header, 32, { N: 1024, r: 1, p: 1 }),
  meets: (hash, wanted) => meetsDifficulty(hash, difficulty(wanted / EASIER)),
  blockDifficulty: (bits) => difficulty(toBlockDifficulty(bits) * EASIER),
  expectedHashes: (value) => Math.round(toExpectedHashes(value) / EASIER),
};
