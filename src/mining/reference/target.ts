import { type Difficulty, difficulty } from "../../units/work.ts";

/** The target of Bitcoin difficulty 1, as a double: 0xffff × 2^208 is exact. */
const DIFFICULTY_ONE = 0xffff * 2 ** 208;
const TOP_WORD = 2 ** 224;

/** A hash in header order read as a number, to double precision. */
export function toHashValue(hash: Uint8Array): number {
  let value = 0;
  for (let i = 31; i >= 0; i--) value = value * 256 + (hash[i] ?? 0);
  return value;
}

/** The difficulty that `hash` just meets. */
export const toHashDifficulty = (hash: Uint8Array): Difficulty => difficulty(DIFFICULTY_ONE / toHashValue(hash));

/** Whether a share with this hash (header order) counts at `wanted`. */
export const meetsDifficulty = (hash: Uint8Array, wanted: Difficulty): boolean =>
  toHashValue(hash) <= DIFFICULTY_ONE / wanted;

/** The largest top 32 bits that a hash of `wanted` can have: the cheap first test of a scan. */
export const toTopLimit = (wanted: Difficulty): number =>
  Math.min(0xffffffff, Math.floor(DIFFICULTY_ONE / wanted / TOP_WORD));

/** A block's target from its compact form; 0 for a negative or overflowing one, which no hash meets. */
export function toTarget(bits: number): bigint {
  const size = bits >>> 24;
  const word = BigInt(bits & 0x007fffff);
  if ((bits & 0x00800000) !== 0 || size > 34) return 0n;
  return size <= 3 ? word >> BigInt(8 * (3 - size)) : word << BigInt(8 * (size - 3));
}

/** The compact form of `target`, rounded down to its 23 bits. */
export function toBits(target: bigint): number {
  let size = Math.ceil(target.toString(16).length / 2);
  let word = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  if ((word & 0x00800000) !== 0) {
    word >>>= 8;
    size++;
  }
  return ((size << 24) | word) >>> 0;
}

export const toBlockDifficulty = (bits: number): Difficulty => difficulty(DIFFICULTY_ONE / Number(toTarget(bits)));

/** The compact target of `wanted`; at least the easiest target that the compact form can hold below 2^255. */
export function toDifficultyBits(wanted: Difficulty): number {
  const target = Math.min(DIFFICULTY_ONE / wanted, 2 ** 255 - 2 ** 203);
  return toBits(BigInt(target));
}

/** Whether `hash` (header order) makes a block under `bits`, exactly. */
export const meetsBits = (hash: Uint8Array, bits: number): boolean =>
  BigInt(`0x${Buffer.from(hash).reverse().toString("hex")}`) <= toTarget(bits);
