import type { MilliJoules } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";
import { type Contradictions, createContradictions } from "./contradictions.ts";
import {
  createEnergyStretches,
  type EnergyStretches,
  type LastSeen,
  type StretchViolation,
} from "./energy-stretches.ts";
import { LedgerError } from "./errors.ts";
import { joinEntries, joinMeasured } from "./join-measured.ts";
import type { EnergyEntry, EnergyQuality, GpuUuid, SlotMeasurement } from "./rows.ts";
import type { SlotSums } from "./sums.ts";

/** One row of `v_energy_slots`: the sinks add up to `measured`. */
export interface EnergySlot {
  readonly gpu: GpuUuid;
  readonly slotStart: UnixMs;
  readonly hashing: MilliJoules;
  readonly inference: MilliJoules;
  readonly switch: MilliJoules;
  readonly parked: MilliJoules;
  readonly idle: MilliJoules;
  readonly measured: MilliJoules;
  readonly quality: EnergyQuality;
  /** Estimated use while the GPU was lost; in no sum. */
  readonly unseen: MilliJoules;
  /** The part of `measured` whose slot is told by time alone: no reading fell on the boundary. */
  readonly interpolated: MilliJoules;
}

export interface JobSlot {
  readonly gpu: GpuUuid;
  readonly slotStart: UnixMs;
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
}

/** Where the books do not add up: a slot against its measurement, a job against its slots or its windows, or a counter. */
export type Violation =
  | StretchViolation
  | {
      readonly kind: "slot";
      readonly gpu: GpuUuid;
      readonly slotStart: UnixMs;
      readonly booked: MilliJoules;
      readonly measured: MilliJoules;
    }
  | {
      readonly kind: "job" | "window";
      readonly jobId: string;
      readonly booked: MilliJoules;
      readonly total: MilliJoules;
    };

export interface EnergyReads extends Contradictions {
  /** Slots that start in [`from`, `to`), oldest first. */
  slots(from: UnixMs, to: UnixMs): readonly EnergySlot[];
  /** What one job used, slot by slot: the basis of its electricity bill. */
  jobSlots(jobId: string): readonly JobSlot[];
  /** How much there is to add up. */
  extent(): { readonly slots: number; readonly gpus: number; readonly jobs: number };
  /** Where the GPU stood when it was last recorded; undefined when it never was. */
  lastSeen(gpu: GpuUuid): LastSeen | undefined;
  /** Empty when everything adds up; reads the whole ledger. */
  verifyConservation(): readonly Violation[];
}

export interface Energy extends EnergyReads {
  /**
   * Books one segment of metering, all or nothing. Throws `ERR_LEDGER_UNBALANCED` unless, per GPU and slot, the
   * entries add up to the measurement exactly. Call it in one transaction with the totals of the jobs concerned.
   */
  bookSegment(entries: readonly EnergyEntry[], measured: readonly SlotMeasurement[]): void;
}

const worst = (table: string) =>
  `(SELECT quality FROM energy_qualities WHERE quality IN (@quality, ${table}.energy_quality) ORDER BY rank DESC LIMIT 1)`;
const BOOK = `
INSERT INTO energy_slots (gpu_uuid, slot_start_ms, sink, job_id, energy_mj, energy_quality)
VALUES (@gpu, @slotStart, @sink, @jobId, @energy, @quality)
ON CONFLICT (gpu_uuid, slot_start_ms, sink, job_id)
DO UPDATE SET energy_mj = energy_mj + @energy, energy_quality = ${worst("energy_slots")}`;
const MEASURE = `
INSERT INTO energy_measured (gpu_uuid, slot_start_ms, measured_mj, energy_quality, unseen_mj)
VALUES (@gpu, @slotStart, @energy, @quality, @unseen)
ON CONFLICT (gpu_uuid, slot_start_ms) DO UPDATE SET
  measured_mj = measured_mj + @energy, energy_quality = ${worst("energy_measured")}, unseen_mj = unseen_mj + @unseen`;
const SLOTS = `
SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, hashing_mj AS hashing, inference_mj AS inference,
  switch_mj AS switch, parked_mj AS parked, idle_mj AS idle, measured_mj AS measured, energy_quality AS quality,
  unseen_mj AS unseen, (SELECT coalesce(sum(s.interpolated_mj), 0) FROM energy_stretches s
    WHERE s.gpu_uuid = v.gpu_uuid AND s.slot_start_ms = v.slot_start_ms) AS interpolated
FROM v_energy_slots v WHERE slot_start_ms >= @from AND slot_start_ms < @to ORDER BY slot_start_ms, gpu_uuid`;
const JOB_SLOTS = `
SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, energy_mj AS energy, energy_quality AS quality
FROM energy_slots WHERE job_id = @jobId AND job_id <> '' ORDER BY slot_start_ms, gpu_uuid`;
const SLOT_VIOLATIONS = `
WITH booked AS (SELECT gpu_uuid, slot_start_ms, sum(energy_mj) AS mj FROM energy_slots GROUP BY 1, 2)
SELECT 'slot' AS kind, gpu_uuid AS gpu, slot_start_ms AS slotStart, coalesce(b.mj, 0) AS booked,
  coalesce(m.measured_mj, 0) AS measured
FROM booked b FULL JOIN energy_measured m USING (gpu_uuid, slot_start_ms)
WHERE coalesce(b.mj, 0) <> coalesce(m.measured_mj, 0)`;
const JOB_VIOLATIONS = `
WITH booked AS (SELECT job_id, sum(energy_mj) AS mj FROM energy_slots WHERE job_id <> '' GROUP BY 1)
SELECT 'job' AS kind, job_id AS jobId, coalesce(b.mj, 0) AS booked, coalesce(j.energy_mj, 0) AS total
FROM booked b FULL JOIN jobs j USING (job_id)
WHERE coalesce(b.mj, 0) <> coalesce(j.energy_mj, 0)`;
/** Jobs from before windows were kept have none. */
const WINDOW_VIOLATIONS = `
WITH booked AS (SELECT job_id, sum(energy_mj) AS mj FROM energy_windows GROUP BY 1)
SELECT 'window' AS kind, job_id AS jobId, b.mj AS booked, coalesce(j.energy_mj, 0) AS total
FROM booked b JOIN jobs j USING (job_id)
WHERE b.mj <> coalesce(j.energy_mj, 0)`;
const EXTENT = `
SELECT (SELECT count(*) FROM energy_measured) AS slots, (SELECT count(DISTINCT gpu_uuid) FROM energy_measured) AS gpus,
  (SELECT count(*) FROM jobs) AS jobs`;

export function createEnergy(connection: Connection, sums: SlotSums): Energy {
  const book = connection.prepare(BOOK);
  const measure = connection.prepare(MEASURE);
  const stretches = createEnergyStretches(connection);
  return {
    ...createEnergyReads(connection, stretches),
    bookSegment: (entries, measured) => {
      requireBalance(entries, measured);
      connection.transaction(() => {
        for (const entry of joinEntries(entries)) {
          book.run({ ...entry, jobId: entry.jobId ?? "" });
          if (entry.jobId !== undefined) sums.add(entry.slotStart, { energy: entry.energy });
        }
        for (const one of joinMeasured(measured)) {
          const { gpu, slotStart, energy, quality, unseen } = one;
          measure.run({ gpu, slotStart, energy, quality, unseen: unseen ?? 0 });
          stretches.add(one);
        }
      });
    },
  };
}

function createEnergyReads(connection: Connection, stretches: EnergyStretches): EnergyReads {
  const slots = connection.prepare<EnergySlot>(SLOTS);
  const jobSlots = connection.prepare<JobSlot>(JOB_SLOTS);
  const slotViolations = connection.prepare<Violation>(SLOT_VIOLATIONS);
  const jobViolations = connection.prepare<Violation>(JOB_VIOLATIONS);
  const windowViolations = connection.prepare<Violation>(WINDOW_VIOLATIONS);
  const extent = connection.prepare<{ slots: number; gpus: number; jobs: number }>(EXTENT);
  return {
    slots: (from, to) => slots.all({ from, to }),
    jobSlots: (jobId) => jobSlots.all({ jobId }),
    extent: () => extent.get() ?? { slots: 0, gpus: 0, jobs: 0 },
    lastSeen: stretches.lastSeen,
    ...createContradictions(connection),
    verifyConservation: () => [
      ...slotViolations.all(),
      ...jobViolations.all(),
      ...windowViolations.all(),
      ...stretches.violations(),
    ],
  };
}

function requireBalance(entries: readonly EnergyEntry[], measured: readonly SlotMeasurement[]): void {
  const open = new Map<string, number>();
  const add = (one: EnergyEntry | SlotMeasurement, sign: number) => {
    const isWhole = Number.isSafeInteger(one.energy) && one.energy >= 0;
    if (!isWhole) unbalanced(`${one.energy} mJ is no whole, non-negative energy`);
    const key = `${one.gpu} at ${one.slotStart}`;
    open.set(key, (open.get(key) ?? 0) + sign * one.energy);
  };
  for (const entry of entries) add(entry, 1);
  for (const one of measured) add(one, -1);
  for (const [slot, difference] of open) {
    if (difference !== 0) unbalanced(`the entries of ${slot} differ from the measurement by ${difference} mJ`);
  }
}

function unbalanced(what: string): never {
  throw new LedgerError(`energy does not add up: ${what}`, {
    code: "ERR_LEDGER_UNBALANCED",
    mend: "report this with the log: nothing of this segment was booked",
  });
}
