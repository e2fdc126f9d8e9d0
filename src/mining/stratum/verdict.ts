import type { ShareVerdict } from "../../ledger/rows.ts";
import { type NotifyFields, rebuildHeader, type SubmitFields } from "../reference/header.ts";
import { type ProofOfWork, scrypt, sha256d } from "../reference/pow.ts";
import type { Algorithm } from "./algorithms.ts";
import type { Refusal, Response } from "./envelope.ts";
import { isRecord } from "./fields.ts";
import type { JobTerms } from "./jobs.ts";

/** What we can check ourselves. */
const PROOFS: Readonly<Partial<Record<Algorithm, ProofOfWork>>> = { sha256d, scrypt };

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

/** Whether an answer says yes or no, as those to shares do, and not something else that was asked. */
export const isVerdict = ({ result, refusal }: Pick<Response, "result" | "refusal">): boolean =>
  refusal !== undefined || result === true || (isRecord(result) && typeof result.status === "string");

/**
 * Whether the share, rebuilt by ourselves, meets the difficulty its job was sent under; undefined where the algorithm
 * or the dialect does not let us say.
 */
export function verifyShare(
  algorithm: Algorithm,
  job: JobTerms & { readonly fields?: NotifyFields },
  submit: SubmitFields | undefined,
  mask: number,
): boolean | undefined {
  const proof = PROOFS[algorithm];
  if (!proof || !job.fields || !submit) return undefined;
  return proof.meets(proof.hash(rebuildHeader(job.fields, job.extranonce1, submit, mask)), job.difficulty);
}
