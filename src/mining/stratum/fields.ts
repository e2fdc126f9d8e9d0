import { type Difficulty, difficulty, toDifficulty, toExpectedHashes } from "../../units/work.ts";
import { badField } from "../errors.ts";

/** What identifies a request; replies are matched by it. */
export type StratumId = string | number | null;

const MAX_ID_CHARS = 64;
/** Sums of the work behind such shares still fit into the ledger. */
const MAX_DIFFICULTY = 2 ** 50;
const isPlainChar = (char: string): boolean => char >= " " && char !== "\u007f";
const isPlain = (text: string): boolean => [...text].every(isPlainChar);
/** `text` without control characters: fit for a log line. */
export const toPlain = (text: string): string => [...text].filter(isPlainChar).join("");

export function parseId(value: unknown): StratumId {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && value.length <= MAX_ID_CHARS) return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw badField("id", `null, a whole number or a string of at most ${MAX_ID_CHARS} characters`);
}

export function parseText(field: string, value: unknown, max: number): string {
  if (typeof value === "string" && value.length <= max && isPlain(value)) return value;
  throw badField(field, `a printable string of at most ${max} characters`);
}

/** Whole bytes in hex, between `min` and `max` of them. */
export function parseHex(field: string, value: unknown, size: { readonly min: number; readonly max: number }): string {
  const fits = typeof value === "string" && value.length >= 2 * size.min && value.length <= 2 * size.max;
  if (fits && value.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(value)) return value;
  throw badField(field, size.min === size.max ? `${size.min} bytes of hex` : `${size.min} to ${size.max} bytes of hex`);
}

/** Exactly four bytes in hex. */
export const parseWord = (field: string, value: unknown): string => parseHex(field, value, { min: 4, max: 4 });

export function parseWhole(
  field: string,
  value: unknown,
  range: { readonly min: number; readonly max: number },
): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  throw badField(field, `a whole number from ${range.min} to ${range.max}`);
}

export function parseDifficulty(value: unknown): Difficulty {
  if (typeof value === "number" && value > 0 && value <= MAX_DIFFICULTY) return difficulty(value);
  throw badField("difficulty", "a positive number");
}

const MAX_TARGET_CHARS = 64;
const HASHES = 2n ** 256n;

/** The Bitcoin-scale difficulty of a target of up to 32 bytes in hex, most significant first. */
export function parseTarget(field: string, value: unknown): Difficulty {
  const text = typeof value === "string" ? value.replace(/^0x/, "") : "";
  const target = text.length <= MAX_TARGET_CHARS && /^[0-9a-fA-F]+$/.test(text) ? BigInt(`0x${text}`) : 0n;
  if (target > 0n) return toBoundedDifficulty(Number(HASHES / target));
  throw badField(field, "a target of up to 32 bytes of hex, above zero");
}

/** The target of a difficulty, 32 bytes in hex. */
export function formatTarget(value: Difficulty): string {
  const hashes = BigInt(Math.max(1, toExpectedHashes(value)));
  return ((HASHES - 1n) / hashes).toString(16).padStart(MAX_TARGET_CHARS, "0");
}

/** The Bitcoin-scale difficulty behind so many expected hashes. */
const toBoundedDifficulty = (hashes: number): Difficulty => parseDifficulty(toDifficulty(hashes));

export function parseList(field: string, value: unknown, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= max) return value;
  throw badField(field, `a list of at most ${max} entries`);
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
