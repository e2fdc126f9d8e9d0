import type { ShareVerdict } from "../../ledger/rows.ts";
import { rebuildHeader, type SubmitFields } from "../reference/header.ts";
import { hashHeader } from "../reference/sha256d.ts";
import { meetsDifficulty } from "../reference/target.ts";
import type { StratumJob } from "./jobs.ts";
import type { Refusal } from "./parser.ts";

export const REFUSALS = {
  other: 20,
  stale: 21,
  duplicate: 22,
  lowDifficulty: 23,
  unauthorized: 24,
  notSubscribed: 25,
} as const;

const BY_CODE: Readonly<Record<number, ShareVerdict>> = {
  [REFUSALS.stale]: "stale",
  [REFUSALS.duplicate]: "duplicate",
  [REFUSALS.lowDifficulty]: "low-difficulty",
};

/** For pools that answer every refusal with one code of their own. */
const BY_WORDS: readonly (readonly [RegExp, ShareVerdict])[] = [
  [/stale|job not found|unknown job|expired|old job/i, "stale"],
  [/dup/i, "duplicate"],
  [/low.?diff|above target|high.?hash|difficulty too low/i, "low-difficulty"],
];

/** Why a pool refused a share, in the ledger's words. */
export const toVerdict = ({ code, message }: Refusal): ShareVerdict =>
  BY_CODE[code] ?? BY_WORDS.find(([words]) => words.test(message))?.[1] ?? "rejected";

/** Whether the share, rebuilt by ourselves, meets the difficulty its job was sent under. */
export function verifyShare(job: StratumJob, submit: SubmitFields, mask: number): boolean {
  return meetsDifficulty(hashHeader(rebuildHeader(job, job.extranonce1, submit, mask)), job.difficulty);
}
