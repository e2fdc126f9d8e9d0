import type { UnixMs } from "../units/time.ts";
import { type Connection, orNull } from "./connection.ts";
import type { GpuUuid, ShareRow, ShareVerdict } from "./rows.ts";
import { type CountedShare, createShareCounts, type VerdictCounts } from "./share-counts.ts";
import { createShareSums, type ShareSums } from "./share-sums.ts";
import type { SlotSums } from "./sums.ts";

export interface AcceptedShare {
  readonly at: UnixMs;
  readonly expectedHashes: number;
}

/** One of the coins of a flight sheet. */
export interface SheetCoin {
  readonly sheet: string;
  readonly coin: string;
}

export interface ShareReads {
  /** Of the hashing since `from`, with or without shares. */
  sumsSince(from: UnixMs): readonly ShareSums[];
  /** Oldest first; `from` included; of these jobs and this coin only, where they are given. Those that our own check refutes are left out: they prove no work. */
  acceptedSince(gpu: GpuUuid, from: UnixMs, jobs?: readonly string[], coin?: string): readonly AcceptedShare[];
  /**
   * What the pools of a flight sheet answered for one of its coins, over the jobs that ran since `from`, all of each; jobs
   * from before sheets were told apart count for every sheet of the coin.
   */
  countsOf(of: SheetCoin, from: UnixMs): VerdictCounts;
  /** Whole expected hashes behind them. */
  expectedHashesSince(gpu: GpuUuid, from: UnixMs): number;
}

interface BookedShare {
  readonly jobId: string | undefined;
}

/** Every share a pool answered, or never answered; the counts of its job move in the same transaction. */
export interface Shares extends ShareReads {
  /**
   * A late answer corrects its `unknown` row, if that is still there, and counts for the job of that row. Returns the job
   * that it was booked for, if any; undefined where it was not booked.
   */
  append(share: ShareRow, jobId?: string): BookedShare | undefined;
  /** Deletes up to `limit` shares from before `before`, oldest first; every sum keeps them. Returns how many. */
  prune(before: UnixMs, limit: number): number;
}

const APPEND = `
INSERT INTO shares (job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason,
  verified, latency_ms, algorithm, coin, sheet)
VALUES (@jobId, @gpu, @pool, @worker, @stratumJob, @at, @difficulty, @expectedHashes, @verdict, @reason, @verified,
  @latencyMs, @algorithm, @coin, @sheet)`;
/** The same share may have been sent twice in one millisecond: one of its rows. */
const CORRECT = `
UPDATE shares SET verdict = @verdict, reason = @reason, latency_ms = @latencyMs, verified = coalesce(@verified, verified)
WHERE share_id = (
  SELECT share_id FROM shares WHERE verdict = 'unknown' AND gpu_uuid = @gpu AND at_ms = @at AND pool = @pool
    AND worker = @worker AND stratum_job = @stratumJob ORDER BY share_id LIMIT 1)
RETURNING job_id AS jobId, coin, algorithm, difficulty, expected_hashes AS expectedHashes, verdict, verified`;
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
/** By the order of writing, which is the order of time but for clocks that were set. */
const PRUNE = `
DELETE FROM shares WHERE share_id IN (
  SELECT share_id FROM shares
  WHERE share_id < coalesce(
    (SELECT share_id FROM shares WHERE at_ms >= @before ORDER BY share_id LIMIT 1), 9223372036854775807)
  ORDER BY share_id LIMIT @limit)`;

const isRejected = (verdict: ShareVerdict): boolean => verdict !== "accepted" && verdict !== "unknown";

const toFlag = (value: boolean): 0 | 1 => (value ? 1 : 0);

const toRow = ({ isLate: _, ...share }: ShareRow) => ({
  ...share,
  algorithm: share.algorithm ?? "sha256d",
  coin: orNull(share.coin),
  sheet: orNull(share.sheet),
  reason: orNull(share.reason),
  verified: share.verified === undefined ? null : toFlag(share.verified),
  latencyMs: orNull(share.latencyMs),
});

export function createShares(connection: Connection, sums: SlotSums): Shares {
  const append = connection.prepare(APPEND);
  const correct = connection.prepare<CountedShare & { readonly jobId: string | null }>(CORRECT);
  const count = connection.prepare(COUNT);
  const counts = createShareCounts(connection);
  const accepted = connection.prepare<AcceptedShare>(ACCEPTED);
  const prune = connection.prepare(PRUNE);
  const hashes = connection.prepare<{ hashes: number }>(HASHES);
  return {
    append: (share, currentJob) =>
      connection.transaction(() => {
        const row = toRow(share);
        const corrected = share.isLate ? correct.get(row) : undefined;
        if (share.isLate && !corrected) return undefined;
        const jobId = corrected ? (corrected.jobId ?? undefined) : currentJob;
        const one: CountedShare = corrected ?? row;
        if (!corrected) append.run({ ...row, jobId: orNull(jobId) });
        const both = { accepted: Number(one.verdict === "accepted"), rejected: Number(isRejected(one.verdict)) };
        if (jobId !== undefined) {
          count.run({ ...both, difficulty: both.accepted * one.difficulty, at: share.at, jobId });
          counts.count(jobId, one, corrected !== undefined);
        }
        sums.add(share.at, { sharesAccepted: both.accepted, sharesRejected: both.rejected });
        return { jobId };
      }),
    prune: (before, limit) => prune.run({ before, limit }).changes,
    sumsSince: createShareSums(connection),
    acceptedSince: (gpu, from, jobs, coin) =>
      accepted.all({ gpu, from, jobs: jobs === undefined ? null : JSON.stringify(jobs), coin: orNull(coin) }),
    countsOf: counts.ofSheet,
    expectedHashesSince: (gpu, from) => hashes.get({ gpu, from })?.hashes ?? 0,
  };
}
