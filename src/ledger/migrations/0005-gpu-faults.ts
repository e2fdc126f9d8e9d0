/** Every time a GPU was taken out of service, by the slot it sat in. */
export const gpuFaults = `
CREATE TABLE gpu_faults (
  gpu_fault_id INTEGER PRIMARY KEY,
  gpu_uuid     TEXT NOT NULL,
  slot         TEXT NOT NULL,
  at_ms        INTEGER NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('lost', 'reset-required', 'xid', 'quarantined')),
  xid          INTEGER,
  reason       TEXT NOT NULL
) STRICT;
CREATE INDEX gpu_faults_by_slot ON gpu_faults (slot, at_ms);
`;
