import type { UnixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** Rows about one joule that tell different stories although every sum holds. */
export interface Contradiction {
  readonly kind: "contradiction";
  readonly gpu: GpuUuid | null;
  readonly slotStart: UnixMs | null;
  readonly jobId: string | null;
  /** A sentence without its subject. */
  readonly what: string;
}

/** What cannot be seen by adding up: labels, places, and the evidence behind what was booked. */
export interface Contradictions {
  /** Reads everything. */
  contradictions(): readonly Contradiction[];
}

const RANKED = (table: string) => `(SELECT rank FROM energy_qualities q WHERE q.quality = ${table}.energy_quality)`;

/** A window's counter is interpolated at its two edges. */
const ROUNDED_MJ = 2;
/** Sums of many numbers in another order. */
const ROUNDED = 1e-9;
/** Each tells `gpu`, `slotStart` and `jobId`, null where it is about none. */
const QUERIES: Readonly<Record<string, string>> = {
  "is off the grid of quarters of an hour": `
SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, NULL AS jobId FROM (SELECT gpu_uuid, slot_start_ms FROM energy_measured
  UNION SELECT gpu_uuid, slot_start_ms FROM energy_slots UNION SELECT gpu_uuid, slot_start_ms FROM energy_stretches)
WHERE slot_start_ms % 900000 <> 0`,
  "has a stretch that lies in another slot": `
SELECT DISTINCT gpu_uuid AS gpu, slot_start_ms AS slotStart, NULL AS jobId FROM energy_stretches
WHERE from_ms < slot_start_ms OR to_ms > slot_start_ms + 900000`,
  "is not labelled as the worst of its stretches": `
SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, NULL AS jobId FROM energy_measured m
WHERE ${RANKED("m")} IS NOT (SELECT max(${RANKED("s")}) FROM energy_stretches s
  WHERE s.gpu_uuid = m.gpu_uuid AND s.slot_start_ms = m.slot_start_ms)`,
  "is labelled better than what was booked in it": `
SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, NULL AS jobId FROM energy_measured m
WHERE ${RANKED("m")} < (SELECT max(${RANKED("e")}) FROM energy_slots e
  WHERE e.gpu_uuid = m.gpu_uuid AND e.slot_start_ms = m.slot_start_ms)`,
  "notes another unseen energy than its stretches": `
SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, NULL AS jobId FROM energy_measured m
WHERE unseen_mj IS NOT (SELECT sum(s.unseen_mj) FROM energy_stretches s
  WHERE s.gpu_uuid = m.gpu_uuid AND s.slot_start_ms = m.slot_start_ms)`,
  "has another energy in the sum of the day than its jobs": `
WITH booked AS (SELECT slot_start_ms, sum(energy_mj) AS mj FROM energy_slots WHERE job_id <> '' GROUP BY 1)
SELECT NULL AS gpu, slot_start_ms AS slotStart, NULL AS jobId FROM booked b FULL JOIN slot_sums s USING (slot_start_ms)
WHERE coalesce(b.mj, 0) <> coalesce(s.energy_mj, 0)`,
  "counts other shares than its coins": `
SELECT NULL AS gpu, NULL AS slotStart, job_id AS jobId FROM jobs j
LEFT JOIN (SELECT job_id, sum(accepted) AS accepted, sum(stale + duplicate + low_difficulty + rejected) AS rejected
  FROM job_shares GROUP BY 1) s USING (job_id)
WHERE kind = 'hashing' AND (shares_accepted <> coalesce(accepted, 0) OR shares_rejected <> coalesce(rejected, 0))`,
  "has another difficulty than its coins": `
SELECT NULL AS gpu, NULL AS slotStart, job_id AS jobId FROM jobs j
LEFT JOIN (SELECT job_id, sum(difficulty) AS proven, sum(refuted) AS refuted FROM job_shares GROUP BY 1) s USING (job_id)
WHERE proven > difficulty_accepted * (1 + ${ROUNDED}) OR coalesce(refuted, 0) = 0 AND coalesce(proven, 0) < difficulty_accepted * (1 - ${ROUNDED})`,
  "has work that its shares cannot have": `
SELECT DISTINCT NULL AS gpu, NULL AS slotStart, job_id AS jobId FROM job_shares
WHERE squared_hashes > expected_hashes * expected_hashes * (1 + ${ROUNDED})
  OR squared_hashes * (accepted - refuted) < expected_hashes * expected_hashes * (1 - ${ROUNDED})`,
  "keeps shares that its sums do not count": `
WITH kept AS (SELECT job_id, coalesce(coin, '') AS coin, algorithm, count(*) AS shares, sum(verdict = 'accepted') AS accepted,
    sum(verdict = 'stale') AS stale, sum(verdict = 'duplicate') AS duplicate, sum(verdict = 'low-difficulty') AS low_difficulty,
    sum(verdict = 'rejected') AS rejected, sum(verdict = 'unknown') AS unknown,
    total(expected_hashes) FILTER (WHERE verdict = 'accepted' AND verified IS NOT 0) AS hashes
  FROM shares JOIN jobs USING (job_id) WHERE kind = 'hashing' GROUP BY 1, 2, 3)
SELECT DISTINCT NULL AS gpu, NULL AS slotStart, job_id AS jobId
FROM kept k LEFT JOIN job_shares s USING (job_id, coin, algorithm)
WHERE s.job_id IS NULL OR k.accepted > s.accepted OR k.stale > s.stale OR k.duplicate > s.duplicate
  OR k.low_difficulty > s.low_difficulty OR k.rejected > s.rejected OR k.unknown > s.unknown
  OR hashes > s.expected_hashes * (1 + ${ROUNDED})
  OR shares = s.accepted + s.stale + s.duplicate + s.low_difficulty + s.rejected + s.unknown
    AND hashes < s.expected_hashes * (1 - ${ROUNDED})`,
  "was paid another sum than its coins": `
SELECT NULL AS gpu, NULL AS slotStart, job_id AS jobId FROM jobs j
JOIN (SELECT job_id, sum(revenue_usd_nano) AS revenue, sum(gross_usd_nano) AS gross FROM job_coins GROUP BY 1) c USING (job_id)
WHERE revenue_basis = 'estimated' AND (revenue_usd_nano IS NOT revenue OR gross_usd_nano IS NOT gross)`,
  "is booked under a sink that is not its kind's": `
SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, job_id AS jobId FROM energy_slots e LEFT JOIN jobs j USING (job_id)
WHERE sink NOT IN ('hashing', 'inference', 'parked') AND job_id <> ''
  OR sink IN ('hashing', 'inference') AND job_id = ''
  OR (kind = 'hashing') <> (sink = 'hashing') OR kind IN ('completion', 'batch') AND sink <> 'inference'`,
  "is booked on a GPU that it never had": `
SELECT gpu_uuid AS gpu, NULL AS slotStart, job_id AS jobId
FROM (SELECT job_id, gpu_uuid FROM energy_slots WHERE job_id <> '' UNION SELECT job_id, gpu_uuid FROM energy_windows) e
WHERE NOT EXISTS (SELECT 1 FROM job_gpus g JOIN jobs USING (job_id)
  WHERE g.job_id = e.job_id AND g.gpu_uuid = e.gpu_uuid)`,
  "is labelled better than what was booked for it": `
SELECT NULL AS gpu, NULL AS slotStart, job_id AS jobId FROM jobs j
WHERE coalesce(${RANKED("j")}, -1) < (SELECT max(${RANKED("e")}) FROM energy_slots e
  WHERE e.job_id = j.job_id AND e.job_id <> '')`,
  "has energy and no window to show for it": `
SELECT NULL AS gpu, NULL AS slotStart, job_id AS jobId FROM jobs j
WHERE energy_mj > 0 AND started_ms >= (SELECT min(slot_start_ms) FROM energy_stretches WHERE epoch <> '')
  AND NOT EXISTS (SELECT 1 FROM energy_windows w WHERE w.job_id = j.job_id)`,
  "has other energy in its windows than in its slots": `
WITH kept AS (SELECT job_id, gpu_uuid, sum(energy_mj) AS mj, count(*) AS count, max(segment) AS last
  FROM energy_windows GROUP BY 1, 2)
SELECT gpu_uuid AS gpu, NULL AS slotStart, job_id AS jobId FROM kept k
WHERE mj <> (SELECT coalesce(sum(energy_mj), 0) FROM energy_slots e
  WHERE e.job_id = k.job_id AND e.gpu_uuid = k.gpu_uuid AND e.job_id <> '')`,
  "misses one of its windows": `
SELECT gpu_uuid AS gpu, NULL AS slotStart, job_id AS jobId FROM energy_windows
GROUP BY job_id, gpu_uuid HAVING count(*) <> max(segment) + 1`,
  "has a window of a counter that was never read so far": `
WITH known AS (SELECT gpu_uuid, epoch, min(counter_from_mj) AS least, max(counter_to_mj) AS most
  FROM energy_stretches WHERE counter_to_mj IS NOT NULL GROUP BY 1, 2)
SELECT DISTINCT gpu_uuid AS gpu, NULL AS slotStart, job_id AS jobId FROM energy_windows w
LEFT JOIN known k USING (gpu_uuid, epoch)
WHERE counter_end_mj IS NOT NULL AND NOT coalesce(counter_start_mj >= least AND counter_end_mj <= most, 0)`,
  "is labelled otherwise in its windows than in its slots": `
WITH kept AS (SELECT job_id, gpu_uuid, max(${RANKED("w")}) AS rank FROM energy_windows w GROUP BY 1, 2),
  booked AS (SELECT job_id, gpu_uuid, max(${RANKED("e")}) AS rank FROM energy_slots e WHERE job_id <> '' GROUP BY 1, 2)
SELECT gpu_uuid AS gpu, NULL AS slotStart, job_id AS jobId FROM kept k JOIN booked b USING (job_id, gpu_uuid)
WHERE k.rank <> b.rank`,
  "has a window with another energy than its counter moved for it alone": `
WITH placed AS (SELECT *, max(counter_end_mj) OVER (along ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
    lead(counter_start_mj) OVER along AS after
  FROM energy_windows WHERE counter_end_mj IS NOT NULL
  WINDOW along AS (PARTITION BY gpu_uuid, epoch ORDER BY counter_start_mj, counter_end_mj, job_id, segment))
SELECT DISTINCT gpu_uuid AS gpu, NULL AS slotStart, job_id AS jobId FROM placed
WHERE energy_quality = 'counter' AND (energy_mj > counter_end_mj - counter_start_mj + ${ROUNDED_MJ}
  OR coalesce(before <= counter_start_mj, 1) AND coalesce(after >= counter_end_mj, 1)
    AND energy_mj < counter_end_mj - counter_start_mj - ${ROUNDED_MJ})`,
};

export function createContradictions(connection: Connection): Contradictions {
  type Row = Omit<Contradiction, "kind" | "what">;
  const queries = Object.entries(QUERIES).map(([what, sql]) => ({ what, rows: connection.prepare<Row>(sql) }));
  return {
    contradictions: () =>
      queries.flatMap(({ what, rows }) => rows.all().map((row) => ({ kind: "contradiction", ...row, what }) as const)),
  };
}
