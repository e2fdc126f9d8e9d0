import type { UnixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** What the shares of one GPU, flight sheet and coin prove, and what its jobs took for them. */
export interface ShareSums {
  readonly gpu: GpuUuid;
  /** Null for shares from before sheets were told apart. */
  readonly sheet: string | null;
  readonly coin: string | null;
  readonly algorithm: string;
  readonly accepted: number;
  readonly stale: number;
  readonly duplicate: number;
  readonly lowDifficulty: number;
  readonly rejected: number;
  readonly unknown: number;
  /** Accepted by the pool, refuted by our own check; in no sum below. */
  readonly refuted: number;
  readonly difficulty: number;
  readonly expectedHashes: number;
  /** Sum of their squares: shares of unequal weight prove less. */
  readonly squaredHashes: number;
  readonly hashingMs: number;
  /** Over all sums together no joule is counted twice. */
  readonly energyMj: number;
  /** 1 where jobs found other coins too: their joules are shared out by what each was worth, equally while that is unknown. */
  readonly energyIsShared: 0 | 1;
}

const PROVEN = "verdict = 'accepted' AND verified IS NOT 0";
/** Whole millijoules whose sum is the job's: each part ends where the next one begins. */
const PART = (upTo: string) => `round(1.0 * energy_mj * (${upTo}) / whole)`;
const SUMS = `
WITH picked AS (
  SELECT job_id, energy_mj, coalesce(ended_ms, recorded_ms) - started_ms AS length_ms
  FROM jobs WHERE kind = 'hashing' AND started_ms >= @from),
proofs AS (
  SELECT s.gpu_uuid, s.sheet, s.algorithm, s.coin,
    sum(verdict = 'accepted') AS accepted, sum(verdict = 'stale') AS stale, sum(verdict = 'duplicate') AS duplicate,
    sum(verdict = 'low-difficulty') AS lowDifficulty, sum(verdict = 'rejected') AS rejected,
    sum(verdict = 'unknown') AS unknown, sum(verdict = 'accepted' AND verified IS 0) AS refuted,
    total(difficulty) FILTER (WHERE ${PROVEN}) AS difficulty,
    total(expected_hashes) FILTER (WHERE ${PROVEN}) AS expectedHashes,
    total(1.0 * expected_hashes * expected_hashes) FILTER (WHERE ${PROVEN}) AS squaredHashes
  FROM shares s JOIN picked USING (job_id) GROUP BY s.gpu_uuid, s.sheet, s.algorithm, s.coin),
hashed AS (
  SELECT job_id, s.gpu_uuid, s.sheet, s.algorithm, s.coin, max(${PROVEN}) AS proven
  FROM shares s JOIN picked USING (job_id) GROUP BY job_id, s.gpu_uuid, s.sheet, s.algorithm, s.coin),
valued AS (
  SELECT h.*, coalesce(c.gross_usd_nano, 0) AS worth, sum(coalesce(c.gross_usd_nano, 0)) OVER job AS job_worth,
    max(proven AND c.gross_usd_nano IS NULL) OVER job AS is_unpriced, count(*) OVER job AS sharers
  FROM hashed h LEFT JOIN job_coins c USING (job_id, coin)
  WINDOW job AS (PARTITION BY job_id)),
weighed AS (
  SELECT *, CASE WHEN job_worth > 0 AND NOT is_unpriced THEN worth ELSE 1 END AS weight FROM valued),
placed AS (
  SELECT *, sum(weight) OVER (PARTITION BY job_id) AS whole,
    sum(weight) OVER (PARTITION BY job_id ORDER BY gpu_uuid, sheet, algorithm, coin ROWS UNBOUNDED PRECEDING) AS upto
  FROM weighed),
spent AS (
  SELECT gpu_uuid, sheet, algorithm, coin, total(length_ms) AS hashingMs, max(sharers > 1) AS energyIsShared,
    total(${PART("upto")} - ${PART("upto - weight")}) AS energyMj
  FROM placed JOIN picked USING (job_id) GROUP BY gpu_uuid, sheet, algorithm, coin)
SELECT p.gpu_uuid AS gpu, p.sheet, p.coin, p.algorithm, accepted, stale, duplicate, lowDifficulty, rejected, unknown, refuted,
  difficulty, expectedHashes, squaredHashes, hashingMs, energyMj, energyIsShared
FROM proofs p JOIN spent s ON s.gpu_uuid = p.gpu_uuid AND s.sheet IS p.sheet AND s.algorithm = p.algorithm AND s.coin IS p.coin
ORDER BY p.gpu_uuid, p.sheet, p.algorithm, p.coin`;

/** Of the hashing jobs that started since a moment. */
export function createShareSums(connection: Connection): (from: UnixMs) => readonly ShareSums[] {
  const sums = connection.prepare<ShareSums>(SUMS);
  return (from) => sums.all({ from });
}
