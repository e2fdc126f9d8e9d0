/** The first set of tables. Times are Unix milliseconds, energy millijoules, money nano-USD. */
export const tables = `
CREATE TABLE energy_qualities (
  quality TEXT PRIMARY KEY,
  rank    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO energy_qualities VALUES
  ('counter', 0), ('sampled', 1), ('assumed', 2), ('reset', 3), ('lost', 4), ('suspect', 5);

CREATE TABLE jobs (
  job_id               TEXT PRIMARY KEY,
  kind                 TEXT NOT NULL CHECK (kind IN ('hashing', 'completion', 'batch', 'lease', 'external')),
  workload             TEXT NOT NULL,
  started_ms           INTEGER NOT NULL,
  recorded_ms          INTEGER NOT NULL,
  ended_ms             INTEGER,
  outcome              TEXT CHECK (outcome IN ('completed', 'failed', 'expired', 'cancelled', 'interrupted')),
  reason               TEXT,
  energy_mj            INTEGER CHECK (energy_mj >= 0),
  energy_quality       TEXT REFERENCES energy_qualities,
  energy_error_pct     REAL,
  wall_energy_mj       INTEGER CHECK (wall_energy_mj >= 0),
  revenue_usd_nano     INTEGER,
  revenue_basis        TEXT CHECK (revenue_basis IN ('estimated', 'credited', 'paid')),
  electricity_usd_nano INTEGER,
  tokens_in            INTEGER CHECK (tokens_in >= 0),
  tokens_out           INTEGER CHECK (tokens_out >= 0),
  shares_accepted      INTEGER,
  shares_rejected      INTEGER,
  difficulty_accepted  REAL,
  receipt_id           TEXT,
  CHECK ((ended_ms IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX jobs_by_start ON jobs (started_ms, job_id);
CREATE INDEX jobs_open ON jobs (job_id) WHERE ended_ms IS NULL;

CREATE TABLE job_gpus (
  job_id   TEXT NOT NULL REFERENCES jobs,
  gpu_uuid TEXT NOT NULL,
  PRIMARY KEY (job_id, gpu_uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_states (
  job_state_id INTEGER PRIMARY KEY,
  job_id       TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('queued', 'offered', 'starting', 'running', 'publishing',
                 'completed', 'failed', 'expired', 'cancelled', 'interrupted')),
  at_ms        INTEGER NOT NULL,
  reason       TEXT
) STRICT;
CREATE INDEX job_states_by_job ON job_states (job_id, job_state_id);

CREATE TABLE shares (
  share_id        INTEGER PRIMARY KEY,
  job_id          TEXT REFERENCES jobs,
  gpu_uuid        TEXT NOT NULL,
  pool            TEXT NOT NULL,
  worker          TEXT NOT NULL,
  stratum_job     TEXT NOT NULL,
  at_ms           INTEGER NOT NULL,
  difficulty      REAL NOT NULL CHECK (difficulty >= 0),
  expected_hashes INTEGER NOT NULL CHECK (expected_hashes >= 0),
  verdict         TEXT NOT NULL
    CHECK (verdict IN ('accepted', 'stale', 'duplicate', 'low-difficulty', 'rejected', 'unknown')),
  reason          TEXT,
  verified        INTEGER CHECK (verified IN (0, 1)),
  latency_ms      REAL
) STRICT;
CREATE INDEX shares_accepted ON shares (gpu_uuid, at_ms, expected_hashes) WHERE verdict = 'accepted';

CREATE TABLE slot_sums (
  slot_start_ms        INTEGER PRIMARY KEY,
  revenue_usd_nano     INTEGER NOT NULL,
  electricity_usd_nano INTEGER NOT NULL,
  energy_mj            INTEGER NOT NULL,
  completions          INTEGER NOT NULL,
  tokens_out           INTEGER NOT NULL,
  shares_accepted      INTEGER NOT NULL,
  shares_rejected      INTEGER NOT NULL
) STRICT;

CREATE TABLE energy_measured (
  gpu_uuid       TEXT NOT NULL,
  slot_start_ms  INTEGER NOT NULL,
  measured_mj    INTEGER NOT NULL CHECK (measured_mj >= 0),
  energy_quality TEXT NOT NULL REFERENCES energy_qualities,
  unseen_mj      INTEGER NOT NULL CHECK (unseen_mj >= 0),
  PRIMARY KEY (gpu_uuid, slot_start_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX energy_measured_by_slot ON energy_measured (slot_start_ms);

CREATE TABLE energy_slots (
  gpu_uuid       TEXT NOT NULL,
  slot_start_ms  INTEGER NOT NULL,
  sink           TEXT NOT NULL CHECK (sink IN ('hashing', 'inference', 'switch', 'parked', 'idle')),
  job_id         TEXT NOT NULL,
  energy_mj      INTEGER NOT NULL CHECK (energy_mj >= 0),
  energy_quality TEXT NOT NULL REFERENCES energy_qualities,
  PRIMARY KEY (gpu_uuid, slot_start_ms, sink, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX energy_slots_by_job ON energy_slots (job_id) WHERE job_id <> '';

CREATE TABLE transitions (
  transition_id   INTEGER PRIMARY KEY,
  gpu_uuid        TEXT NOT NULL,
  from_workload   TEXT NOT NULL,
  to_workload     TEXT NOT NULL,
  rung            TEXT NOT NULL CHECK (rung IN ('cold', 'warm', 'sleep', 'freeze', 'checkpoint')),
  reason          TEXT NOT NULL,
  started_ms      INTEGER NOT NULL,
  ended_ms        INTEGER,
  outcome         TEXT CHECK (outcome IN ('completed', 'failed', 'aborted')),
  energy_mj       INTEGER CHECK (energy_mj >= 0),
  vram_before_mib REAL,
  vram_after_mib  REAL,
  xid             INTEGER,
  detail          TEXT,
  CHECK ((ended_ms IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX transitions_costs ON transitions (from_workload, to_workload, rung, transition_id)
  WHERE outcome = 'completed';
CREATE INDEX transitions_open ON transitions (transition_id) WHERE ended_ms IS NULL;

CREATE TABLE decisions (
  decision_id   INTEGER PRIMARY KEY,
  gpu_uuid      TEXT NOT NULL,
  at_ms         INTEGER NOT NULL,
  mode          TEXT NOT NULL,
  action        TEXT NOT NULL CHECK (action IN ('keep', 'switch')),
  from_workload TEXT NOT NULL,
  to_workload   TEXT NOT NULL,
  rule          TEXT NOT NULL,
  why           TEXT NOT NULL,
  inputs_json   TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_gpu ON decisions (gpu_uuid, decision_id);

CREATE TABLE benchmarks (
  gpu_uuid    TEXT NOT NULL,
  label       TEXT NOT NULL,
  rate        REAL NOT NULL CHECK (rate >= 0),
  unit        TEXT NOT NULL,
  power_w     REAL CHECK (power_w >= 0),
  samples     INTEGER NOT NULL CHECK (samples > 0),
  measured_ms INTEGER NOT NULL,
  PRIMARY KEY (gpu_uuid, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE modes (
  mode_id  INTEGER PRIMARY KEY,
  mode     TEXT NOT NULL CHECK (mode IN ('observe', 'auto', 'mine', 'serve', 'pause', 'release')),
  gpu_uuid TEXT,
  at_ms    INTEGER NOT NULL,
  until_ms INTEGER,
  by       TEXT NOT NULL
) STRICT;

CREATE TABLE would_have (
  gpu_uuid     TEXT NOT NULL,
  day_start_ms INTEGER NOT NULL,
  workload     TEXT NOT NULL,
  usd_nano     INTEGER NOT NULL,
  PRIMARY KEY (day_start_ms, gpu_uuid, workload)
) STRICT, WITHOUT ROWID;

CREATE TABLE processes (
  name        TEXT PRIMARY KEY,
  pid         INTEGER NOT NULL,
  start_ticks INTEGER,
  role        TEXT NOT NULL,
  gpu_uuid    TEXT NOT NULL,
  command     TEXT NOT NULL,
  started_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
