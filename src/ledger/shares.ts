import type { UnixMs } from "../units/time.ts";
import { type Connection, orNull } from "./connection.ts";
import type { GpuUuid, ShareRow, ShareVerdict } from "./rows.ts";
import type { SlotSums } from "./sums.ts";

export interface AcceptedShare {
  readonly at: UnixMs;
  readonly expectedHashes: number;
}

export interface ShareReads {
  /** Oldest first; `from` included. Those that our own check refutes are left out: they prove no work. */
  acceptedSince(gpu: GpuUuid, from: UnixMs): readonly AcceptedShare[];
  /** Whole expected hashes behind them. */
  expectedHashesSince(gpu: GpuUuid, from: UnixMs): number;
}

/** Every share a pool answered, or never answered; the counts of its job move in the same transaction. */
export interface Shares extends ShareReads {
  append(share: ShareRow, jobId?: string): void;
  /** Deletes up to `limit` shares from before `before`, oldest first; every sum keeps them. Returns how many. */
  prune(before: UnixMs, limit: number): number;
}

const APPEND = `
INSERT INTO shares (job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason,
  verified, latency_ms, algorithm)
VALUES (@jobId, @gpu, @pool, @worker, @stratumJob, @at, @difficulty, @expectedHashes, @verdict, @reason, @verified,
  @latencyMs, @algorithm)`;
const COUNT = `
UPDATE jobs SET shares_accepted = shares_accepted + @accepted, shares_rejected = shares_rejected + @rejected,
  difficulty_accepted = difficulty_accepted + @difficulty, recorded_ms = max(recorded_ms, @at)
WHERE job_id = @jobId`;
const ACCEPTED = `
SELECT at_ms AS at, expected_hashes AS expectedHashes FROM shares
WHERE gpu_uuid = @gpu AND at_ms >= @from AND verdict = 'accepted' AND verified IS NOT 0
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

export function createShares(connection: Connection, sums: SlotSums): Shares {
  const append = connection.prepare(APPEND);
  const count = connection.prepare(COUNT);
  const accepted = connection.prepare<AcceptedShare>(ACCEPTED);
  const prune = connection.prepare(PRUNE);
  const hashes = connection.prepare<{ hashes: number }>(HASHES);
  return {
    append: (share, jobId) =>
      connection.transaction(() => {
        append.run({
          ...share,
          algorithm: share.algorithm ?? "sha256d",
          jobId: orNull(jobId),
          reason: orNull(share.reason),
          verified: share.verified === undefined ? null : Number(share.verified),
          latencyMs: orNull(share.latencyMs),
        });
        const one = { accepted: Number(share.verdict === "accepted"), rejected: Number(isRejected(share.verdict)) };
        if (jobId !== undefined) {
          count.run({ ...one, difficulty: one.accepted * share.difficulty, at: share.at, jobId });
        }
        sums.add(share.at, { sharesAccepted: one.accepted, sharesRejected: one.rejected });
      }),
    prune: (before, limit) => prune.run({ before, limit }).changes,
    acceptedSince: (gpu, from) => accepted.all({ gpu, from }),
    expectedHashesSince: (gpu, from) => hashes.get({ gpu, from })?.hashes ?? 0,
  };
}
