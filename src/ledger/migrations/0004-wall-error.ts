/** How far a job's energy at the wall may be off, and how often the meter at the plug jumped. */
export const wallError = `
ALTER TABLE jobs ADD COLUMN wall_error_pct REAL CHECK (wall_error_pct >= 0);
ALTER TABLE rig_energy ADD COLUMN jumps INTEGER NOT NULL DEFAULT 0 CHECK (jumps >= 0);

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
  wall_error_pct
FROM jobs j;
`;
