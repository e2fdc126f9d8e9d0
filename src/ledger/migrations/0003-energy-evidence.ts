/** What stands behind the energy of a job, and what the whole rig drew. Evidence: nothing here is billed again. */
export const energyEvidence = `
CREATE TABLE energy_windows (
  job_id           TEXT NOT NULL REFERENCES jobs,
  gpu_uuid         TEXT NOT NULL,
  segment          INTEGER NOT NULL CHECK (segment >= 0),
  epoch            TEXT NOT NULL,
  from_ms          INTEGER NOT NULL,
  to_ms            INTEGER NOT NULL,
  counter_start_mj INTEGER CHECK (counter_start_mj >= 0),
  counter_end_mj   INTEGER CHECK (counter_end_mj >= counter_start_mj),
  energy_mj        INTEGER NOT NULL CHECK (energy_mj >= 0),
  integrated_mj    INTEGER CHECK (integrated_mj >= 0),
  energy_quality   TEXT NOT NULL REFERENCES energy_qualities,
  energy_error_pct REAL NOT NULL,
  power_field      TEXT CHECK (power_field IN ('instant', 'average', 'draw')),
  driver_version   TEXT,
  PRIMARY KEY (job_id, gpu_uuid, segment)
) STRICT, WITHOUT ROWID;

CREATE TABLE power_minutes (
  minute_ms  INTEGER NOT NULL,
  source     TEXT NOT NULL,
  energy_mj  INTEGER NOT NULL CHECK (energy_mj >= 0),
  covered_ms INTEGER NOT NULL CHECK (covered_ms >= 0),
  PRIMARY KEY (minute_ms, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE rig_energy (
  slot_start_ms INTEGER NOT NULL,
  channel       TEXT NOT NULL CHECK (channel IN ('host', 'wall')),
  energy_mj     INTEGER NOT NULL CHECK (energy_mj >= 0),
  covered_ms    INTEGER NOT NULL CHECK (covered_ms >= 0),
  resets        INTEGER NOT NULL CHECK (resets >= 0),
  PRIMARY KEY (slot_start_ms, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE gpu_baselines (
  gpu_uuid    TEXT NOT NULL,
  level       TEXT NOT NULL CHECK (level IN ('bare', 'parked', 'active')),
  power_w     REAL NOT NULL CHECK (power_w >= 0),
  measured_ms INTEGER NOT NULL,
  PRIMARY KEY (gpu_uuid, level)
) STRICT, WITHOUT ROWID;
`;
