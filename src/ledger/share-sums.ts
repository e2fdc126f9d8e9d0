import type { UnixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** What the shares of one GPU, flight sheet and coin prove, and what its jobs took for them, those without any share too. */
export interface ShareSums {
  readonly gpu: GpuUuid;
  /** Null for shares from before sheets were told apart. */
  readonly sheet: string | null;
  readonly coin: string | null;
  /** Null where no share of the coin was ever kept that tells. */
  readonly algorithm: string | null;
  /** Whole; rounded where only a job's sums are left to be cut. */
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

const COUNTS = ["accepted", "stale", "duplicate", "low_difficulty", "rejected", "unknown", "refuted"] as const;
const WORK = ["difficulty", "expected_hashes", "squared_hashes"] as const;
const ALL = [...COUNTS, ...WORK].join(", ");
const PROVEN = "verdict = 'accepted' AND verified IS NOT 0";
/** Whole millijoules whose sum is the job's: each part ends where the next one begins. */
const PART = (upTo: string) => `round(1.0 * energy_mj * (${upTo}) / whole)`;
const SLOT_END = "min(slot_start_ms + 900000, until_ms)";
const SLOT_START = "max(slot_start_ms, started_ms)";
/** What was booked since the span began; of the slot that it cuts, the part of its time. */
const BOOKED = `
SELECT round(total(CASE WHEN slot_start_ms >= @from THEN energy_mj
  ELSE 1.0 * energy_mj * max(0, ${SLOT_END} - max(${SLOT_START}, @from)) / max(1, ${SLOT_END} - ${SLOT_START}) END))
FROM energy_slots e WHERE e.job_id = c.job_id AND e.job_id <> ''`;

/**
 * A job that began before the span counts with its part in it: its time as it lies, its joules by their slots, its
 * shares one by one; where the oldest of those are deleted already, joules and all by the part of its time.
 */
const PICKED = `
hashing AS (
  SELECT j.job_id, g.gpu_uuid, sheet, workload, energy_mj AS all_mj, started_ms,
    coalesce(ended_ms, recorded_ms) AS until_ms, started_ms < @from AS is_cut
  FROM jobs j JOIN job_gpus g USING (job_id) WHERE kind = 'hashing'),
cut AS MATERIALIZED (
  SELECT *, until_ms - max(started_ms, @from) AS length_ms,
    is_cut AND (@from >= (SELECT at_ms FROM shares ORDER BY share_id LIMIT 1)
      OR (SELECT count(*) FROM shares s WHERE s.job_id = h.job_id) =
        (SELECT total(accepted + stale + duplicate + low_difficulty + rejected + unknown) FROM job_shares s
          WHERE s.job_id = h.job_id)) AS is_counted
  FROM hashing h WHERE NOT is_cut OR until_ms > @from),
picked AS MATERIALIZED (
  SELECT *, CASE WHEN is_cut THEN 1.0 * length_ms / (until_ms - started_ms) ELSE 1 END AS part,
    CASE WHEN is_counted THEN (${BOOKED}) WHEN is_cut THEN round(1.0 * all_mj * length_ms / (until_ms - started_ms))
      ELSE all_mj END AS energy_mj
  FROM cut c),
counted AS (
  SELECT job_id, coalesce(s.coin, '') AS coin, s.algorithm,
    sum(verdict = 'accepted') AS accepted, sum(verdict = 'stale') AS stale, sum(verdict = 'duplicate') AS duplicate,
    sum(verdict = 'low-difficulty') AS low_difficulty, sum(verdict = 'rejected') AS rejected,
    sum(verdict = 'unknown') AS unknown, sum(verdict = 'accepted' AND verified IS 0) AS refuted,
    total(difficulty) FILTER (WHERE ${PROVEN}) AS difficulty,
    total(expected_hashes) FILTER (WHERE ${PROVEN}) AS expected_hashes,
    total(1.0 * expected_hashes * expected_hashes) FILTER (WHERE ${PROVEN}) AS squared_hashes
  FROM shares s JOIN picked USING (job_id) WHERE is_counted AND at_ms >= @from GROUP BY 1, 2, 3),
found AS (
  SELECT job_id, coin, algorithm, 1 AS part, ${ALL} FROM counted
  UNION ALL
  SELECT job_id, coin, algorithm, iif(is_counted, 0, part), ${ALL} FROM job_shares JOIN picked USING (job_id)),
proofs AS (
  SELECT job_id, coin, algorithm, ${[...COUNTS, ...WORK].map((one) => `total(part * ${one}) AS ${one}`).join(", ")},
    sum(accepted + stale + duplicate + low_difficulty + rejected + unknown) > 0 AS is_found
  FROM found GROUP BY 1, 2, 3)`;

const SUMS = `
WITH ${PICKED},
coined AS (
  SELECT p.job_id, p.gpu_uuid, p.sheet, coalesce(nullif(f.coin, ''), iif(f.job_id IS NULL, workload, NULL)) AS coin,
    nullif(f.algorithm, '') AS algorithm, length_ms, energy_mj, coalesce(is_found, 0) AS is_found,
    ${[...COUNTS, ...WORK].map((one) => `coalesce(${one}, 0) AS ${one}`).join(", ")}
  FROM picked p LEFT JOIN proofs f USING (job_id)),
valued AS (
  SELECT s.*, coalesce(c.gross_usd_nano, 0) AS worth, sum(coalesce(c.gross_usd_nano, 0)) OVER job AS job_worth,
    max(expected_hashes > 0 AND c.gross_usd_nano IS NULL) OVER job AS is_unpriced, sum(is_found) OVER job AS sharers
  FROM coined s LEFT JOIN job_coins c USING (job_id, coin)
  WINDOW job AS (PARTITION BY job_id)),
weighed AS (
  SELECT *, CASE WHEN job_worth > 0 AND NOT is_unpriced THEN worth WHEN sharers > 0 THEN is_found ELSE 1 END AS weight
  FROM valued),
placed AS (
  SELECT *, sum(weight) OVER (PARTITION BY job_id) AS whole,
    sum(weight) OVER (PARTITION BY job_id ORDER BY gpu_uuid, sheet, algorithm, coin ROWS UNBOUNDED PRECEDING) AS upto
  FROM weighed)
SELECT gpu_uuid AS gpu, sheet, coin, algorithm, CAST(round(sum(accepted)) AS INTEGER) AS accepted,
  CAST(round(sum(stale)) AS INTEGER) AS stale, CAST(round(sum(duplicate)) AS INTEGER) AS duplicate,
  CAST(round(sum(low_difficulty)) AS INTEGER) AS lowDifficulty, CAST(round(sum(rejected)) AS INTEGER) AS rejected,
  CAST(round(sum(unknown)) AS INTEGER) AS unknown, CAST(round(sum(refuted)) AS INTEGER) AS refuted,
  total(difficulty) AS difficulty, total(expected_hashes) AS expectedHashes, total(squared_hashes) AS squaredHashes,
  total(length_ms) AS hashingMs, max(sharers > 1) AS energyIsShared,
  total(${PART("upto")} - ${PART("upto - weight")}) AS energyMj
FROM placed GROUP BY gpu_uuid, sheet, algorithm, coin ORDER BY gpu_uuid, sheet, algorithm, coin`;

export function createShareSums(connection: Connection): (from: UnixMs) => readonly ShareSums[] {
  const sums = connection.prepare<ShareSums>(SUMS);
  return (from) => sums.all({ from });
}
