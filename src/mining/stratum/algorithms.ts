import type { AlgorithmName } from "../../config/mining-terms.ts";
import type { Difficulty } from "../../units/work.ts";

export type Algorithm = AlgorithmName;

/** Expected hashes behind a share of difficulty 1, on the scale that the pools of an algorithm use. */
const HASHES_PER_DIFFICULTY: Readonly<Record<Algorithm, number>> = {
  sha256d: 2 ** 32,
  scrypt: 2 ** 16,
  etchash: 2 ** 32,
  kawpow: 2 ** 32,
  kheavyhash: 2 ** 32,
  // 2^30 times 16: only one hash in 16 falls on the chain it was made for.
  alephium: 2 ** 34,
  randomx: 1,
};

/** Whole expected hashes behind one share of `value`, on the algorithm's own scale; at most 2^53, whatever a pool says. */
export const expectedHashes = (algorithm: Algorithm, value: Difficulty): number =>
  Math.min(Number.MAX_SAFE_INTEGER, Math.round(value * HASHES_PER_DIFFICULTY[algorithm]));
