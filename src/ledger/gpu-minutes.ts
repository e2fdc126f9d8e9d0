import type { MilliJoules, Watts } from "../units/energy.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { EnergyQuality, GpuUuid } from "./rows.ts";

/** One GPU in one minute; what was not read or measured in it is undefined. */
export interface GpuMinute {
  readonly gpu: GpuUuid;
  readonly minute: UnixMs;
  /** How many readings told power. */
  readonly powerReads: number;
  readonly powerMean: Watts | undefined;
  readonly powerMin: Watts | undefined;
  readonly powerMax: Watts | undefined;
  readonly energy: MilliJoules | undefined;
  /** How much of the minute `energy` is of. */
  readonly covered: Millis;
  /** The worst of that energy. */
  readonly quality: EnergyQuality | undefined;
  /** The mean of the readings. */
  readonly utilizationPercent: number | undefined;
  /** The highest of the readings. */
  readonly temperatureC: number | undefined;
}

export interface GpuMinuteReads {
  /** Minutes that start in [`from`, `to`), oldest first. */
  list(from: UnixMs, to: UnixMs): readonly GpuMinute[];
}

/** What every GPU did, minute by minute: evidence beside the slots, kept for weeks. */
export interface GpuMinutes extends GpuMinuteReads {
  /** Adds to what is known of the minute. */
  add(minute: GpuMinute): void;
  /** Deletes at most `limit` minutes of what is older; returns how many rows. */
  prune(before: UnixMs, limit: number): number;
}

/** Tenths of a watt and of a percent are as good as any sensor; SQLite stores a whole number in half the bytes. */
const ADD = `
INSERT INTO gpu_minutes (minute_ms, gpu_uuid, power_reads, power_mean_dw, power_min_dw, power_max_dw, energy_mj,
  covered_ms, energy_quality, utilization_pct, temperature_c)
VALUES (@minute, @gpu, @powerReads, @powerMean, @powerMin, @powerMax, @energy, @covered, @quality, @utilizationPercent,
  @temperatureC)
ON CONFLICT (minute_ms, gpu_uuid) DO UPDATE SET
  power_mean_dw = CASE WHEN power_reads + @powerReads = 0 THEN NULL ELSE
    CAST(round((coalesce(power_mean_dw, 0) * power_reads + coalesce(@powerMean, 0) * @powerReads)
      / (power_reads + @powerReads)) AS INTEGER) END,
  power_reads = power_reads + @powerReads,
  power_min_dw = coalesce(min(power_min_dw, @powerMin), power_min_dw, @powerMin),
  power_max_dw = coalesce(max(power_max_dw, @powerMax), power_max_dw, @powerMax),
  energy_mj = coalesce(energy_mj + @energy, energy_mj, @energy), covered_ms = covered_ms + @covered,
  energy_quality = (SELECT quality FROM energy_qualities WHERE quality IN (@quality, gpu_minutes.energy_quality)
    ORDER BY rank DESC LIMIT 1),
  utilization_pct = coalesce(utilization_pct, @utilizationPercent),
  temperature_c = coalesce(max(temperature_c, @temperatureC), temperature_c, @temperatureC)`;
const LIST = `
SELECT gpu_uuid AS gpu, minute_ms AS minute, power_reads AS powerReads, power_mean_dw / 10.0 AS powerMean,
  power_min_dw / 10.0 AS powerMin, power_max_dw / 10.0 AS powerMax, energy_mj AS energy, covered_ms AS covered,
  energy_quality AS quality, utilization_pct AS utilizationPercent, temperature_c AS temperatureC
FROM gpu_minutes WHERE minute_ms >= @from AND minute_ms < @to ORDER BY minute_ms, gpu_uuid`;
const PRUNE = `
DELETE FROM gpu_minutes WHERE (minute_ms, gpu_uuid) IN
  (SELECT minute_ms, gpu_uuid FROM gpu_minutes WHERE minute_ms < @before ORDER BY minute_ms LIMIT @limit)`;

export function createGpuMinutes(connection: Connection): GpuMinutes {
  const add = connection.prepare(ADD);
  const list = connection.prepare<Nullable<GpuMinute>>(LIST);
  const prune = connection.prepare(PRUNE);
  return {
    add: (minute) =>
      void add.run({
        ...minute,
        powerMean: tenths(minute.powerMean),
        powerMin: tenths(minute.powerMin),
        powerMax: tenths(minute.powerMax),
        energy: orNull(minute.energy),
        covered: Math.round(minute.covered),
        quality: orNull(minute.quality),
        utilizationPercent: whole(minute.utilizationPercent),
        temperatureC: whole(minute.temperatureC),
      }),
    list: (from, to) => list.all({ from, to }).map((row) => fromRow<GpuMinute>(row)),
    prune: (before, limit) => prune.run({ before, limit }).changes,
  };
}

const tenths = (power: Watts | undefined): number | null => (power === undefined ? null : Math.round(power * 10));
const whole = (value: number | undefined): number | null => (value === undefined ? null : Math.round(value));
