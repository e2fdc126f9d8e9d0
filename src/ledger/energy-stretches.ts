import type { MilliJoules } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, orNull } from "./connection.ts";
import type { GpuUuid, SlotMeasurement } from "./rows.ts";

/** Where a GPU stood when it was last recorded. */
export interface LastSeen {
  readonly epoch: string;
  readonly at: UnixMs;
  /** Absent where something was billed by other means since the counter was last known. */
  readonly counter?: MilliJoules;
}

/** Where the stretches of a GPU do not prove what was booked. */
export type StretchViolation =
  | {
      /** The stretches of one slot against what was measured in it. */
      readonly kind: "stretch";
      readonly gpu: GpuUuid;
      readonly slotStart: UnixMs;
      readonly booked: MilliJoules;
      readonly measured: MilliJoules;
    }
  | {
      /** A stretch booked as counted, against what its counter moved. */
      readonly kind: "counter";
      readonly gpu: GpuUuid;
      readonly slotStart: UnixMs;
      readonly epoch: string;
      readonly booked: MilliJoules;
      readonly counted: MilliJoules;
    }
  | {
      /** A stretch that begins before an earlier one of its epoch ended: the overlap is booked twice. */
      readonly kind: "overlap";
      readonly gpu: GpuUuid;
      readonly slotStart: UnixMs;
      readonly epoch: string;
      readonly overlap: MilliJoules;
    };

/** Which stretch of which counter every booked millijoule comes from. */
export interface EnergyStretches {
  /** Prolongs the GPU's newest stretch where the measurement goes on from it, else begins one. */
  add(measurement: SlotMeasurement): void;
  lastSeen(gpu: GpuUuid): LastSeen | undefined;
  /** Reads all of them. */
  violations(): readonly StretchViolation[];
}

/** Too much in one part of a stretch must not be hidden by too little in another. */
const PROLONG = `
UPDATE energy_stretches SET to_ms = max(to_ms, @to), counter_to_mj = @counterTo, booked_mj = booked_mj + @energy,
  estimated_mj = estimated_mj + @estimated, unseen_mj = unseen_mj + @unseen,
  interpolated_mj = interpolated_mj + @interpolated
WHERE stretch_id = @newest AND gpu_uuid = @gpu AND slot_start_ms = @slotStart AND epoch = @epoch
  AND energy_quality = @quality AND counter_to_mj IS @counterFrom
  AND sign(booked_mj - estimated_mj - (counter_to_mj - counter_from_mj)) IS @excess`;
const BEGIN = `
INSERT INTO energy_stretches (gpu_uuid, slot_start_ms, epoch, from_ms, to_ms, counter_from_mj, counter_to_mj,
  booked_mj, estimated_mj, unseen_mj, interpolated_mj, energy_quality)
VALUES (@gpu, @slotStart, @epoch, @from, @to, @counterFrom, @counterTo, @energy, @estimated, @unseen, @interpolated,
  @quality)`;
const LAST_COUNTED = `
SELECT stretch_id AS id, epoch, to_ms AS at, counter_to_mj AS counter FROM energy_stretches
WHERE gpu_uuid = @gpu AND counter_to_mj IS NOT NULL ORDER BY stretch_id DESC LIMIT 1`;
/** A counter that something was billed past is out of date: its difference would bill that again. */
const BILLED_SINCE = `
SELECT 1 FROM energy_stretches WHERE stretch_id > @id AND gpu_uuid = @gpu AND counter_to_mj IS NULL AND booked_mj > 0`;
const NEWEST = `
SELECT epoch, to_ms AS at FROM energy_stretches WHERE gpu_uuid = @gpu ORDER BY stretch_id DESC LIMIT 1`;
const SUMS = `
WITH booked AS (SELECT gpu_uuid, slot_start_ms, sum(booked_mj) AS mj FROM energy_stretches GROUP BY 1, 2)
SELECT 'stretch' AS kind, gpu_uuid AS gpu, slot_start_ms AS slotStart, coalesce(b.mj, 0) AS booked,
  coalesce(m.measured_mj, 0) AS measured
FROM booked b FULL JOIN energy_measured m USING (gpu_uuid, slot_start_ms)
WHERE coalesce(b.mj, 0) <> coalesce(m.measured_mj, 0)`;
/** What is suspect may be billed for less than the counter moved, never for more. */
const DIFFERENCES = `
SELECT 'counter' AS kind, gpu_uuid AS gpu, slot_start_ms AS slotStart, epoch, booked_mj - estimated_mj AS booked,
  counter_to_mj - counter_from_mj AS counted
FROM energy_stretches WHERE counter_to_mj IS NOT NULL AND CASE energy_quality WHEN 'suspect'
  THEN booked_mj - estimated_mj > counter_to_mj - counter_from_mj
  ELSE booked_mj - estimated_mj <> counter_to_mj - counter_from_mj END`;
const OVERLAPS = `
SELECT 'overlap' AS kind, gpu, slotStart, epoch, min(reached, counter_to) - counter_from AS overlap FROM (
  SELECT gpu_uuid AS gpu, slot_start_ms AS slotStart, epoch, counter_from_mj AS counter_from, counter_to_mj AS counter_to,
    max(counter_to_mj) OVER (PARTITION BY gpu_uuid, epoch ORDER BY counter_from_mj, counter_to_mj, stretch_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
  FROM energy_stretches WHERE counter_to_mj > counter_from_mj)
WHERE counter_from < reached`;

export function createEnergyStretches(connection: Connection): EnergyStretches {
  const prolong = connection.prepare(PROLONG);
  const begin = connection.prepare(BEGIN);
  const lastCounted = connection.prepare<Required<LastSeen> & { readonly id: number }>(LAST_COUNTED);
  const billedSince = connection.prepare(BILLED_SINCE);
  const newestOf = connection.prepare<LastSeen>(NEWEST);
  const violations = [SUMS, DIFFERENCES, OVERLAPS].map((sql) => connection.prepare<StretchViolation>(sql));
  const newest = new Map<string, number>();
  return {
    add: (measurement) => {
      const row = toRow(measurement);
      const { gpu } = measurement;
      if (prolong.run({ ...row, newest: newest.get(gpu) ?? -1 }).changes === 0) newest.set(gpu, begin.run(row).id);
    },
    lastSeen: (gpu) => {
      const counted = lastCounted.get({ gpu });
      if (counted === undefined || billedSince.get({ gpu, id: counted.id }) !== undefined) return newestOf.get({ gpu });
      const { id: _id, ...seen } = counted;
      return seen;
    },
    violations: () => violations.flatMap((each) => each.all()),
  };
}

function toRow({ gpu, slotStart, energy, quality, unseen, stretch }: SlotMeasurement) {
  const { counter, estimated = 0 } = stretch ?? {};
  return {
    gpu,
    slotStart,
    energy,
    quality,
    unseen: unseen ?? 0,
    epoch: stretch?.epoch ?? "",
    from: stretch?.from ?? slotStart,
    to: stretch?.to ?? slotStart,
    counterFrom: orNull(counter?.from),
    counterTo: orNull(counter?.to),
    excess: counter === undefined ? null : Math.sign(energy - estimated - (counter.to - counter.from)),
    estimated,
    interpolated: stretch?.interpolated ?? 0,
  };
}
