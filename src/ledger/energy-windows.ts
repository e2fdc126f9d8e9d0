import type { MilliJoules } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { EnergyQuality, GpuUuid, PowerField } from "./rows.ts";

/** A stretch of one job on one GPU that one counter, or one sensor, measured. */
export interface EnergyWindowRow {
  readonly jobId: string;
  readonly gpu: GpuUuid;
  /** From 0, in order. */
  readonly segment: number;
  readonly epoch: string;
  readonly from: UnixMs;
  readonly to: UnixMs;
  /** The hardware's counter at both ends; undefined where power was sampled. */
  readonly counterStart: MilliJoules | undefined;
  readonly counterEnd: MilliJoules | undefined;
  readonly energy: MilliJoules;
  /** The integral of power over the same time, where a counter measured it. */
  readonly integrated: MilliJoules | undefined;
  readonly quality: EnergyQuality;
  readonly errorPct: number;
  readonly powerField: PowerField | undefined;
  readonly driverVersion: string | undefined;
}

export interface EnergyWindowReads {
  /** In order of GPU and segment. */
  ofJob(jobId: string): readonly EnergyWindowRow[];
}

/** What stands behind the energy of every job: the basis of its receipt. */
export interface EnergyWindows extends EnergyWindowReads {
  /** Adds the segment, or replaces what was known of it while it ran. */
  record(row: EnergyWindowRow): void;
}

const RECORD = `
INSERT INTO energy_windows (job_id, gpu_uuid, segment, epoch, from_ms, to_ms, counter_start_mj, counter_end_mj,
  energy_mj, integrated_mj, energy_quality, energy_error_pct, power_field, driver_version)
VALUES (@jobId, @gpu, @segment, @epoch, @from, @to, @counterStart, @counterEnd, @energy, @integrated, @quality,
  @errorPct, @powerField, @driverVersion)
ON CONFLICT (job_id, gpu_uuid, segment) DO UPDATE SET to_ms = @to, counter_end_mj = @counterEnd, energy_mj = @energy,
  integrated_mj = @integrated, energy_quality = @quality, energy_error_pct = @errorPct`;
const OF_JOB = `
SELECT job_id AS jobId, gpu_uuid AS gpu, segment, epoch, from_ms AS "from", to_ms AS "to",
  counter_start_mj AS counterStart, counter_end_mj AS counterEnd, energy_mj AS energy, integrated_mj AS integrated,
  energy_quality AS quality, energy_error_pct AS errorPct, power_field AS powerField, driver_version AS driverVersion
FROM energy_windows WHERE job_id = @jobId ORDER BY gpu_uuid, segment`;

export function createEnergyWindows(connection: Connection): EnergyWindows {
  const record = connection.prepare(RECORD);
  const ofJob = connection.prepare<Nullable<EnergyWindowRow>>(OF_JOB);
  return {
    record: (row) =>
      void record.run({
        ...row,
        counterStart: orNull(row.counterStart),
        counterEnd: orNull(row.counterEnd),
        integrated: orNull(row.integrated),
        powerField: orNull(row.powerField),
        driverVersion: orNull(row.driverVersion),
      }),
    ofJob: (jobId) => ofJob.all({ jobId }).map((row) => fromRow<EnergyWindowRow>(row)),
  };
}
