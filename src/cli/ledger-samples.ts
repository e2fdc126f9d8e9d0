import type { GpuMinute } from "../ledger/gpu-minutes.ts";
import { renderTable } from "./table.ts";
import { sayCelsius, sayEnergy, sayPercent, sayTime, sayWatts } from "./wording.ts";

const HEADER = ["MINUTE (UTC)", "GPU", "MEAN", "LEAST", "MOST", "ENERGY", "QUALITY", "LOAD", "TEMPERATURE"];
const RIGHT = new Set(["MEAN", "LEAST", "MOST", "ENERGY", "LOAD", "TEMPERATURE"]);
const SPARE = ["LEAST", "MOST", "QUALITY"];

/** The minutes for people. */
export const toSampleTable = (minutes: readonly GpuMinute[], columns: number | undefined): string =>
  renderTable(
    HEADER,
    minutes
      .map(toView)
      .map((one) => [
        sayTime(one.minuteMs).slice(0, 16),
        one.gpu,
        sayWatts(one.powerMeanW),
        sayWatts(one.powerMinW),
        sayWatts(one.powerMaxW),
        sayEnergy(one.energyMj),
        one.quality ?? "–",
        sayPercent(one.utilizationPercent),
        sayCelsius(one.temperatureC),
      ]),
    { right: RIGHT, spare: SPARE, columns },
  );

/** The minutes for programs; what was not read is null. */
export const toSampleJson = ([fromMs, toMs]: readonly [number, number], minutes: readonly GpuMinute[]) => ({
  fromMs,
  toMs,
  samples: minutes.map(toView),
});

/** The minutes for a spreadsheet; what was not read is an empty cell. */
export function toSampleCsv(minutes: readonly GpuMinute[]): string {
  const rows = minutes
    .map(toView)
    .map((one) => [
      new Date(one.minuteMs).toISOString(),
      one.minuteMs,
      one.gpu,
      one.powerMeanW,
      one.powerMinW,
      one.powerMaxW,
      one.energyMj,
      one.coveredMs,
      one.quality,
      one.utilizationPercent,
      one.temperatureC,
    ]);
  return [CSV_HEADER, ...rows].map((row) => `${row.map((cell) => cell ?? "").join(",")}\n`).join("");
}

const CSV_HEADER = [
  "minute_utc",
  "minute_ms",
  "gpu_uuid",
  "power_mean_w",
  "power_min_w",
  "power_max_w",
  "energy_mj",
  "covered_ms",
  "energy_quality",
  "utilization_pct",
  "temperature_c",
];

const toView = (one: GpuMinute) => ({
  gpu: one.gpu,
  minuteMs: one.minute,
  powerMeanW: one.powerMean ?? null,
  powerMinW: one.powerMin ?? null,
  powerMaxW: one.powerMax ?? null,
  energyMj: one.energy ?? null,
  coveredMs: one.covered,
  quality: one.quality ?? null,
  utilizationPercent: one.utilizationPercent ?? null,
  temperatureC: one.temperatureC ?? null,
});
