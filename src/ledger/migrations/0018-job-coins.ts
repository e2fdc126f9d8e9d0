/** Whose share it was, and what each coin of a job brought that hashed two at once. */
export const jobCoins = `
ALTER TABLE shares ADD COLUMN coin TEXT;
DROP VIEW v_shares;
CREATE VIEW v_shares AS
SELECT
  share_id, job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason,
  verified, latency_ms, algorithm, coin
FROM shares;

CREATE TABLE job_coins (
  job_id           TEXT NOT NULL REFERENCES jobs (job_id),
  coin             TEXT NOT NULL,
  revenue_usd_nano INTEGER NOT NULL,
  PRIMARY KEY (job_id, coin)
) STRICT, WITHOUT ROWID;

CREATE VIEW v_job_coins AS
SELECT
  j.job_id, coalesce(c.coin, j.workload) AS coin, coalesce(c.revenue_usd_nano, j.revenue_usd_nano) AS revenue_usd_nano,
  j.started_ms, coalesce(j.ended_ms, j.recorded_ms) AS ended_ms
FROM jobs j LEFT JOIN job_coins c USING (job_id)
WHERE j.kind = 'hashing' AND j.revenue_basis = 'estimated';

DROP VIEW v_payouts;
CREATE VIEW v_payouts AS
SELECT
  from_ms, to_ms, credited_usd_nano,
  coalesce(estimated_usd_nano, (SELECT CAST(round(coalesce(sum(
     1.0 * j.revenue_usd_nano * (min(j.ended_ms, p.to_ms) - max(j.started_ms, p.from_ms))
     / (j.ended_ms - j.started_ms)), 0)) AS INTEGER)
   FROM v_job_coins j
   WHERE j.started_ms < p.to_ms AND (p.coin = '' OR j.coin = p.coin)
     AND j.ended_ms > p.from_ms AND j.ended_ms > j.started_ms
  )) AS estimated_usd_nano,
  origin, coin, pool
FROM payouts p;
`;
