/** What third parties may read; a change to a column here is a breaking change. */
export const views = `
CREATE VIEW v_jobs AS
SELECT
  job_id, kind, workload,
  (SELECT count(*) FROM job_gpus g WHERE g.job_id = j.job_id) AS gpu_count,
  (SELECT min(g.gpu_uuid) FROM job_gpus g WHERE g.job_id = j.job_id HAVING count(*) = 1) AS gpu_uuid,
  started_ms, ended_ms, outcome,
  energy_mj, energy_quality, energy_error_pct, wall_energy_mj,
  revenue_usd_nano, revenue_basis, electricity_usd_nano,
  tokens_in, tokens_out, shares_accepted, shares_rejected, difficulty_accepted, receipt_id
FROM jobs j;

CREATE VIEW v_job_gpus AS SELECT job_id, gpu_uuid FROM job_gpus;

CREATE VIEW v_energy_slots AS
SELECT
  gpu_uuid, slot_start_ms,
  (SELECT coalesce(sum(energy_mj), 0) FROM energy_slots e
    WHERE e.gpu_uuid = m.gpu_uuid AND e.slot_start_ms = m.slot_start_ms AND e.sink = 'hashing') AS hashing_mj,
  (SELECT coalesce(sum(energy_mj), 0) FROM energy_slots e
    WHERE e.gpu_uuid = m.gpu_uuid AND e.slot_start_ms = m.slot_start_ms AND e.sink = 'inference') AS inference_mj,
  (SELECT coalesce(sum(energy_mj), 0) FROM energy_slots e
    WHERE e.gpu_uuid = m.gpu_uuid AND e.slot_start_ms = m.slot_start_ms AND e.sink = 'switch') AS switch_mj,
  (SELECT coalesce(sum(energy_mj), 0) FROM energy_slots e
    WHERE e.gpu_uuid = m.gpu_uuid AND e.slot_start_ms = m.slot_start_ms AND e.sink = 'parked') AS parked_mj,
  (SELECT coalesce(sum(energy_mj), 0) FROM energy_slots e
    WHERE e.gpu_uuid = m.gpu_uuid AND e.slot_start_ms = m.slot_start_ms AND e.sink = 'idle') AS idle_mj,
  measured_mj, energy_quality, unseen_mj
FROM energy_measured m;

CREATE VIEW v_transitions AS
SELECT
  transition_id, gpu_uuid, from_workload, to_workload, rung, started_ms, ended_ms,
  ended_ms - started_ms AS duration_ms, energy_mj, vram_before_mib, vram_after_mib, xid, outcome, reason, detail
FROM transitions;

CREATE VIEW v_shares AS
SELECT
  share_id, job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason,
  verified, latency_ms
FROM shares;

CREATE VIEW v_decisions AS
SELECT
  decision_id, gpu_uuid, at_ms, mode, action, from_workload, to_workload, rule, why, inputs_json
FROM decisions;
`;
