/**
 * Which stretch of which counter every booked millijoule comes from, and what each GPU did by the minute. Slots from
 * before get one stretch without a counter each, so that sums hold for them too.
 */
export const energyStretches = `
CREATE TABLE energy_stretches (
  stretch_id      INTEGER PRIMARY KEY,
  gpu_uuid        TEXT NOT NULL,
  slot_start_ms   INTEGER NOT NULL,
  epoch           TEXT NOT NULL,
  from_ms         INTEGER NOT NULL,
  to_ms           INTEGER NOT NULL CHECK (to_ms >= from_ms),
  counter_from_mj INTEGER CHECK (counter_from_mj >= 0),
  counter_to_mj   INTEGER CHECK (counter_to_mj >= counter_from_mj),
  booked_mj       INTEGER NOT NULL CHECK (booked_mj >= 0),
  estimated_mj    INTEGER NOT NULL CHECK (estimated_mj BETWEEN 0 AND booked_mj),
  unseen_mj       INTEGER NOT NULL CHECK (unseen_mj >= 0),
  interpolated_mj INTEGER NOT NULL CHECK (interpolated_mj BETWEEN 0 AND booked_mj),
  energy_quality  TEXT NOT NULL REFERENCES energy_qualities,
  CHECK ((counter_from_mj IS NULL) = (counter_to_mj IS NULL))
) STRICT;
CREATE INDEX energy_stretches_by_slot ON energy_stretches (gpu_uuid, slot_start_ms);
INSERT INTO energy_stretches (gpu_uuid, slot_start_ms, epoch, from_ms, to_ms, booked_mj, estimated_mj, unseen_mj,
  interpolated_mj, energy_quality)
SELECT gpu_uuid, slot_start_ms, '', slot_start_ms, slot_start_ms, measured_mj, 0, unseen_mj, 0, energy_quality
FROM energy_measured ORDER BY slot_start_ms, gpu_uuid;

CREATE TABLE gpu_minutes (
  minute_ms       INTEGER NOT NULL,
  gpu_uuid        TEXT NOT NULL,
  power_reads     INTEGER NOT NULL CHECK (power_reads >= 0),
  power_mean_dw   INTEGER,
  power_min_dw    INTEGER,
  power_max_dw    INTEGER,
  energy_mj       INTEGER CHECK (energy_mj >= 0),
  covered_ms      INTEGER NOT NULL CHECK (covered_ms >= 0),
  energy_quality  TEXT REFERENCES energy_qualities,
  utilization_pct INTEGER,
  temperature_c   INTEGER,
  PRIMARY KEY (minute_ms, gpu_uuid)
) STRICT, WITHOUT ROWID;

CREATE VIEW v_energy_stretches AS
SELECT gpu_uuid, slot_start_ms, epoch, from_ms, to_ms, counter_from_mj, counter_to_mj, booked_mj, estimated_mj,
  unseen_mj, interpolated_mj, energy_quality
FROM energy_stretches;

CREATE VIEW v_gpu_minutes AS
SELECT gpu_uuid, minute_ms, power_mean_dw / 10.0 AS power_mean_w, power_min_dw / 10.0 AS power_min_w,
  power_max_dw / 10.0 AS power_max_w, energy_mj, covered_ms, energy_quality, utilization_pct, temperature_c
FROM gpu_minutes;
`;
