import { type MilliJoules, ZERO_ENERGY } from "../units/energy.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable } from "./connection.ts";

/** `host`: processor packages. `wall`: the meter at the plug, which holds host and GPUs once more. */
export type RigChannel = "host" | "wall";

/** What the rig as a whole used within one slot, as one channel saw it. */
export interface RigEnergyRow {
  readonly slotStart: UnixMs;
  readonly channel: RigChannel;
  readonly energy: MilliJoules;
  /** How much of the slot was seen. */
  readonly covered: Millis;
  /** How often the meter's total fell. */
  readonly resets: number;
  /** How often the meter told more than a rig can draw; what it told then is in no sum. */
  readonly jumps: number;
}

/** What jobs used, at their GPUs and at the wall, by the wall model. */
export interface JobsAtWall {
  readonly jobs: number;
  /** Jobs of which no energy is known yet; they are not among `jobs`. */
  readonly unmetered: number;
  readonly energy: MilliJoules;
  readonly wallEnergy: MilliJoules;
  /** Of `wallEnergy`, the jobs' bounds added up; undefined when one of them has none. */
  readonly wallErrorPct: number | undefined;
}

export interface RigEnergyReads {
  /** Slots that start in [`from`, `to`), oldest first. */
  slots(from: UnixMs, to: UnixMs): readonly RigEnergyRow[];
  /** Of the jobs that started in [`from`, `to`), where `gpu` is given only of those that ran on it. */
  ofJobs(from: UnixMs, to: UnixMs, gpu?: string): JobsAtWall;
}

/** Evidence beside the GPUs' energy: the same joules seen elsewhere, so never added to a bill. */
export interface RigEnergy extends RigEnergyReads {
  /** Adds to the slot and channel. */
  add(row: RigEnergyRow): void;
}

const ADD = `
INSERT INTO rig_energy (slot_start_ms, channel, energy_mj, covered_ms, resets, jumps)
VALUES (@slotStart, @channel, @energy, @covered, @resets, @jumps)
ON CONFLICT (slot_start_ms, channel) DO UPDATE SET energy_mj = energy_mj + @energy,
  covered_ms = covered_ms + @covered, resets = resets + @resets, jumps = jumps + @jumps`;
const SLOTS = `
SELECT slot_start_ms AS slotStart, channel, energy_mj AS energy, covered_ms AS covered, resets, jumps
FROM rig_energy WHERE slot_start_ms >= @from AND slot_start_ms < @to ORDER BY slot_start_ms, channel`;

const OF_JOBS = `
SELECT count(wall_energy_mj) AS jobs, count(*) - count(wall_energy_mj) AS unmetered,
  coalesce(sum(energy_mj) FILTER (WHERE wall_energy_mj IS NOT NULL), 0) AS energy,
  coalesce(sum(wall_energy_mj), 0) AS wallEnergy,
  CASE WHEN count(wall_error_pct) = count(wall_energy_mj)
    THEN sum(wall_energy_mj * wall_error_pct) / nullif(sum(wall_energy_mj), 0) END AS wallErrorPct
FROM jobs WHERE started_ms >= @from AND started_ms < @to
  AND (@gpu IS NULL OR EXISTS (SELECT 1 FROM job_gpus WHERE job_gpus.job_id = jobs.job_id AND gpu_uuid = @gpu))`;
const NO_JOBS: JobsAtWall = {
  jobs: 0,
  unmetered: 0,
  energy: ZERO_ENERGY,
  wallEnergy: ZERO_ENERGY,
  wallErrorPct: undefined,
};

export function createRigEnergy(connection: Connection): RigEnergy {
  const add = connection.prepare(ADD);
  const slots = connection.prepare<RigEnergyRow>(SLOTS);
  const ofJobs = connection.prepare<Nullable<JobsAtWall>>(OF_JOBS);
  return {
    add: (row) => void add.run({ ...row }),
    slots: (from, to) => slots.all({ from, to }),
    ofJobs: (from, to, gpu) => {
      const row = ofJobs.get({ from, to, gpu: gpu ?? null });
      return row === undefined ? NO_JOBS : fromRow<JobsAtWall>(row);
    },
  };
}
