import type { UnixMs } from "../units/time.ts";
import { type Connection, orNull } from "./connection.ts";
import type { GpuUuid, ShareRow, ShareVerdict } from "./rows.ts";
import type { SlotSums } from "./sums.ts";

export interface AcceptedShare {
  readonly at: UnixMs;
  readonly expectedHashes: number;
}

/** What the shares of one GPU on one algorithm prove, and what its jobs took for them. */
export interface ShareSums {
  readonly gpu: GpuUuid;
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
  readonly energyMj: number;
}

export interface ShareReads {
  /** Of the hashing jobs that started since `from`. */
  sumsSince(from: UnixMs): readonly ShareSums[];
  /** Oldest first; `from` included; of these jobs and this coin only, where they are given. Those that our own check refutes are left out: they prove no work. */
  acceptedSince(gpu: GpuUuid, from: UnixMs, jobs?: readonly string[], coin?: string): readonly AcceptedShare[];
  /** What the pools answered to the jobs of `coin` that ran since `from`, all of each. */
  countsOf(coin: string, from: UnixMs): { readonly accepted: number; readonly rejected: number };
  /** Whole expected hashes behind them. */
  expectedHashesSince(gpu: GpuUuid, from: UnixMs): number;
}

/** Every share a pool answered, or never answered; the counts of its job move in the same transaction. */
export interface Shares extends ShareReads {
  /** A late answer corrects its `unknown` row, if that is still there, and counts for the job of that row. */
  append(share: ShareRow, jobId?: string): void;
  /** Deletes up to `limit` shares from before `before`, oldest first; every sum keeps them. Returns how many. */
  prune(before: UnixMs, limit: number): number;
}

const APPEND = `
INSERT INTO shares (job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason,
  verified, latency_ms, algorithm, coin)
VALUES (@jobId, @gpu, @pool, @worker, @stratumJob, @at, @difficulty, @expectedHashes, @verdict, @reason, @verified,
  @latencyMs, @algorithm, @coin)`;
/** The same share may have been sent twice in one millisecond: one of its rows. */
const CORRECT = `
UPDATE shares SET verdict = @verdict, reason = @reason, latency_ms = @latencyMs WHERE share_id = (
  SELECT share_id FROM shares WHERE verdict = 'unknown' AND gpu_uuid = @gpu AND at_ms = @at AND pool = @pool
    AND worker = @worker AND stratum_job = @stratumJob ORDER BY share_id LIMIT 1)
RETURNING job_id AS jobId`;
const COUNT = `
UPDATE jobs SET shares_accepted = shares_accepted + @accepted, shares_rejected = shares_rejected + @rejected,
  difficulty_accepted = difficulty_accepted + @difficulty, recorded_ms = max(recorded_ms, @at)
WHERE job_id = @jobId`;
const ACCEPTED = `
SELECT at_ms AS at, expected_hashes AS expectedHashes FROM shares
WHERE gpu_uuid = @gpu AND at_ms >= @from AND verdict = 'accepted' AND verified IS NOT 0
  AND (@jobs IS NULL OR job_id IN (SELECT value FROM json_each(@jobs)))
  AND (@coin IS NULL OR coin = @coin)
ORDER BY at_ms`;
const HASHES = `
SELECT total(expected_hashes) AS hashes FROM shares
WHERE gpu_uuid = @gpu AND at_ms >= @from AND verdict = 'accepted' AND verified IS NOT 0`;
const COUNTS = `
SELECT coalesce(sum(shares_accepted), 0) AS accepted, coalesce(sum(shares_rejected), 0) AS rejected FROM jobs
WHERE kind = 'hashing' AND workload = @coin AND coalesce(ended_ms, recorded_ms) >= @from`;

const PROVEN = "verdict = 'accepted' AND verified IS NOT 0";
const SUMS = `
WITH picked AS (SELECT * FROM jobs WHERE kind = 'hashing' AND started_ms >= @from),
proofs AS (
  SELECT s.gpu_uuid, s.algorithm,
    sum(verdict = 'accepted') AS accepted, sum(verdict = 'stale') AS stale, sum(verdict = 'duplicate') AS duplicate,
    sum(verdict = 'low-difficulty') AS lowDifficulty, sum(verdict = 'rejected') AS rejected,
    sum(verdict = 'unknown') AS unknown, sum(verdict = 'accepted' AND verified IS 0) AS refuted,
    total(difficulty) FILTER (WHERE ${PROVEN}) AS difficulty,
    total(expected_hashes) FILTER (WHERE ${PROVEN}) AS expectedHashes,
    total(1.0 * expected_hashes * expected_hashes) FILTER (WHERE ${PROVEN}) AS squaredHashes
  FROM shares s JOIN picked USING (job_id) GROUP BY s.gpu_uuid, s.algorithm),
spent AS (
  SELECT gpu_uuid, algorithm, total(coalesce(ended_ms, recorded_ms) - started_ms) AS hashingMs,
    total(energy_mj) AS energyMj
  FROM (SELECT DISTINCT job_id, gpu_uuid, algorithm FROM shares JOIN picked USING (job_id))
    JOIN picked USING (job_id)
  GROUP BY gpu_uuid, algorithm)
SELECT gpu_uuid AS gpu, * FROM proofs JOIN spent USING (gpu_uuid, algorithm) ORDER BY gpu_uuid, algorithm`;

/** By the order of writing, which is the order of time but for clocks that were set. */
const PRUNE = `
DELETE FROM shares WHERE share_id IN (
  SELECT share_id FROM shares
  WHERE share_id < coalesce(
    (SELECT share_id FROM shares WHERE at_ms >= @before ORDER BY share_id LIMIT 1), 9223372036854775807)
  ORDER BY share_id LIMIT @limit)`;

const isRejected = (verdict: ShareVerdict): boolean => verdict !== "accepted" && verdict !== "unknown";

const toRow = ({ isLate: _, ...share }: ShareRow) => ({
  ...share,
  algorithm: share.algorithm ?? "sha256d",
  coin: orNull(share.coin),
  reason: orNull(share.reason),
  verified: share.verified === undefined ? null : Number(share.verified),
  latencyMs: orNull(share.latencyMs),
});

export function createShares(connection: Connection, sums: SlotSums): Shares {
  const append = connection.prepare(APPEND);
  const correct = connection.prepare<{ jobId: string | null }>(CORRECT);
  const count = connection.prepare(COUNT);
  const accepted = connection.prepare<AcceptedShare>(ACCEPTED);
  const prune = connection.prepare(PRUNE);
  const sumsOf = connection.prepare<ShareSums & { gpu_uuid: GpuUuid }>(SUMS);
  const counts = connection.prepare<{ accepted: number; rejected: number }>(COUNTS);
  const hashes = connection.prepare<{ hashes: number }>(HASHES);
  return {
    append: (share, currentJob) =>
      connection.transaction(() => {
        const row = toRow(share);
        const corrected = share.isLate ? correct.get(row) : undefined;
        if (share.isLate && !corrected) return;
        const jobId = corrected ? (corrected.jobId ?? undefined) : currentJob;
        if (!corrected) append.run({ ...row, jobId: orNull(jobId) });
        const one = { accepted: Number(share.verdict === "accepted"), rejected: Number(isRejected(share.verdict)) };
        if (jobId !== undefined) {
          count.run({ ...one, difficulty: one.accepted * share.difficulty, at: share.at, jobId });
        }
        sums.add(share.at, { sharesAccepted: one.accepted, sharesRejected: one.rejected });
      }),
    prune: (before, limit) => prune.run({ before, limit }).changes,
    sumsSince: (from) => sumsOf.all({ from }).map(({ gpu_uuid: _, ...one }) => one),
    acceptedSince: (gpu, from, jobs, coin) =>
      accepted.all({ gpu, from, jobs: jobs === undefined ? null : JSON.stringify(jobs), coin: orNull(coin) }),
    countsOf: (coin, from) => counts.get({ coin, from }) ?? { accepted: 0, rejected: 0 },
    expectedHashesSince: (gpu, from) => hashes.get({ gpu, from })?.hashes ?? 0,
  };
}
