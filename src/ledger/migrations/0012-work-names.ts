/** Which one of several of a kind had the GPU, and which got it. */
export const workNames = `
ALTER TABLE transitions ADD COLUMN from_name TEXT;
ALTER TABLE transitions ADD COLUMN to_name TEXT;
DROP VIEW v_transitions;
CREATE VIEW v_transitions AS
SELECT
  transition_id, gpu_uuid, from_workload, to_workload, rung, started_ms, ended_ms,
  ended_ms - started_ms AS duration_ms, energy_mj, vram_before_mib, vram_after_mib, xid, outcome, reason, detail,
  from_name, to_name
FROM transitions;

ALTER TABLE decisions ADD COLUMN from_name TEXT;
ALTER TABLE decisions ADD COLUMN to_name TEXT;
DROP VIEW v_decisions;
CREATE VIEW v_decisions AS
SELECT
  decision_id, gpu_uuid, at_ms, mode, action, from_workload, to_workload, rule, why, inputs_json, from_name, to_name
FROM decisions;
`;
