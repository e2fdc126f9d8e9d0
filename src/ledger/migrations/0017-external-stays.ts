/** What was begun of each external workload and is not known to be over, so that whoever comes after a crash asks of it. */
export const externalStays = `
CREATE TABLE external_stays (
  name         TEXT NOT NULL,
  gpu_uuid     TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('starting', 'running', 'stopping')),
  at_ms        INTEGER NOT NULL,
  boot_id      TEXT,
  hook_ends_ms INTEGER,
  hook_pid     INTEGER,
  hook_ticks   INTEGER,
  PRIMARY KEY (name, gpu_uuid)
) STRICT, WITHOUT ROWID;
INSERT INTO external_stays (name, gpu_uuid, state, at_ms)
SELECT workload, gpu_uuid, state, at_ms FROM (
  SELECT j.workload, g.gpu_uuid, s.state, s.at_ms, row_number() OVER (
    PARTITION BY j.workload, g.gpu_uuid ORDER BY j.started_ms DESC, s.job_state_id DESC) AS newest
  FROM jobs j JOIN job_gpus g USING (job_id) JOIN job_states s USING (job_id) WHERE j.kind = 'external')
WHERE newest = 1 AND state IN ('starting', 'running');
`;
