/**
 * By which flight sheet a job hashed and a share was found, null where nobody told; what a job's work was worth before
 * fees; and the shares of each of its coins. Money that was booked before had no fee taken off.
 */
export const flightSheets = `
ALTER TABLE jobs ADD COLUMN sheet TEXT;
ALTER TABLE jobs ADD COLUMN gross_usd_nano INTEGER;
ALTER TABLE shares ADD COLUMN sheet TEXT;
ALTER TABLE job_coins ADD COLUMN gross_usd_nano INTEGER;
UPDATE jobs SET gross_usd_nano = revenue_usd_nano WHERE kind = 'hashing' AND revenue_basis = 'estimated';
UPDATE job_coins SET gross_usd_nano = revenue_usd_nano;

CREATE TABLE job_shares (
  job_id   TEXT NOT NULL REFERENCES jobs (job_id),
  coin     TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  PRIMARY KEY (job_id, coin)
) STRICT, WITHOUT ROWID;
INSERT INTO job_shares (job_id, coin, accepted, rejected)
SELECT job_id, CASE WHEN job_id IN (SELECT job_id FROM job_coins) THEN '' ELSE workload END, shares_accepted, shares_rejected
FROM jobs WHERE kind = 'hashing' AND shares_accepted + shares_rejected > 0;

DROP VIEW v_jobs;
CREATE VIEW v_jobs AS
SELECT
  job_id, kind, workload,
  (SELECT count(*) FROM job_gpus g WHERE g.job_id = j.job_id) AS gpu_count,
  (SELECT min(g.gpu_uuid) FROM job_gpus g WHERE g.job_id = j.job_id HAVING count(*) = 1) AS gpu_uuid,
  started_ms, ended_ms, outcome,
  energy_mj, energy_quality, energy_error_pct, wall_energy_mj,
  revenue_usd_nano, revenue_basis, electricity_usd_nano,
  tokens_in, tokens_out, shares_accepted, shares_rejected, difficulty_accepted, receipt_id,
  wall_error_pct, sheet, gross_usd_nano
FROM jobs j;

DROP VIEW v_shares;
CREATE VIEW v_shares AS
SELECT
  share_id, job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason,
  verified, latency_ms, algorithm, coin, sheet
FROM shares;

DROP VIEW v_job_coins;
CREATE VIEW v_job_coins AS
SELECT
  j.job_id, coalesce(c.coin, j.workload) AS coin, coalesce(c.revenue_usd_nano, j.revenue_usd_nano) AS revenue_usd_nano,
  j.started_ms, coalesce(j.ended_ms, j.recorded_ms) AS ended_ms,
  CASE WHEN c.job_id IS NULL THEN coalesce(j.gross_usd_nano, j.revenue_usd_nano)
    ELSE coalesce(c.gross_usd_nano, c.revenue_usd_nano) END AS gross_usd_nano
FROM jobs j LEFT JOIN job_coins c USING (job_id)
WHERE j.kind = 'hashing' AND j.revenue_basis = 'estimated';

DROP VIEW v_payouts;
CREATE VIEW v_payouts AS
SELECT
  from_ms, to_ms, credited_usd_nano,
  coalesce(estimated_usd_nano, (SELECT CAST(round(coalesce(sum(
     1.0 * j.gross_usd_nano * (min(j.ended_ms, p.to_ms) - max(j.started_ms, p.from_ms))
     / (j.ended_ms - j.started_ms)), 0)) AS INTEGER)
   FROM v_job_coins j
   WHERE j.started_ms < p.to_ms AND (p.coin = '' OR j.coin = p.coin)
     AND j.ended_ms > p.from_ms AND j.ended_ms > j.started_ms
  )) AS estimated_usd_nano,
  origin, coin, pool
FROM payouts p;
`;
