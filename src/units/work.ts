import type { Unit } from "./unit.ts";

/** Hashes per second. */
export type Hashrate = Unit<"H/s">;
/** Share difficulty in the dialect's own scale; Bitcoin's difficulty 1 is 2^32 expected hashes. */
export type Difficulty = Unit<"difficulty">;
export type TokensPerSecond = Unit<"tok/s">;

const HASHES_PER_BITCOIN_DIFFICULTY = 2 ** 32;

export const hashrate = (value: number): Hashrate => value as Hashrate;
export const difficulty = (value: number): Difficulty => value as Difficulty;
export const tokensPerSecond = (value: number): TokensPerSecond => value as TokensPerSecond;

/** Whole expected hashes behind one share of Bitcoin-scale `value`. */
export const toExpectedHashes = (value: Difficulty): number => Math.round(value * HASHES_PER_BITCOIN_DIFFICULTY);
/** The Bitcoin-scale difficulty whose share takes `hashes` expected hashes. */
export const toDifficulty = (hashes: number): Difficulty => (hashes / HASHES_PER_BITCOIN_DIFFICULTY) as Difficulty;
