import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { GpuReading, PowerField } from "../../src/gpu/source.ts";
import { watts } from "../../src/units/energy.ts";
import { millis, unixMs } from "../../src/units/time.ts";
import { GPU_A } from "./ledger-rows.ts";
import { recordedPath } from "./recorded-data.ts";

export const POWER_LOGS = "01-nvidia-smi/power-logs";

/** One row of a log; `at` in milliseconds since the first. */
export interface PowerRow {
  readonly at: number;
  readonly power: Readonly<Partial<Record<PowerField, number>>>;
  readonly utilization?: number;
  readonly celsius?: number;
}

export interface PowerLog {
  readonly rows: readonly PowerRow[];
  /** When the load was switched, in milliseconds since the first row. */
  readonly edges: readonly number[];
}

const FIELDS: readonly (readonly [PowerField, RegExp])[] = [
  ["instant", /^power\.draw\.instant/],
  ["average", /^power\.draw\.average/],
  ["draw", /^power\.draw \[/],
];
/** The recordings' wall time is British summer time, or UTC in December. */
const zoneOf = (stamp: string): string => (stamp.startsWith("2023-12") ? "Z" : "+01:00");

const linesOf = (name: string): string[] =>
  gunzipSync(readFileSync(recordedPath(`${POWER_LOGS}/${name}`)))
    .toString("utf8")
    .trim()
    .split("\n");

/** A recorded power log, and its load edges where `edgeFile` names some. */
export function readPowerLog(name: string, edgeFile?: string): PowerLog {
  const [head = "", ...lines] = linesOf(name);
  const columns = head.split(",").map((column) => column.trim());
  const find = (pattern: RegExp) => columns.findIndex((column) => pattern.test(column));
  const fields = FIELDS.map(([field, pattern]) => [field, find(pattern)] as const).filter(([, index]) => index >= 0);
  const utilization = find(/^utilization/);
  const celsius = find(/^temperature/);
  const stamps = lines.map((line) => timeOf(line.split(",", 1)[0] ?? ""));
  const start = stamps[0] ?? 0;
  const rows = lines.map((line, index): PowerRow => {
    const cells = line.split(",").map((cell) => Number.parseFloat(cell));
    return {
      at: (stamps[index] ?? 0) - start,
      power: Object.fromEntries(fields.map(([field, column]) => [field, cells[column] ?? Number.NaN])),
      ...(utilization < 0 ? {} : { utilization: cells[utilization] ?? Number.NaN }),
      ...(celsius < 0 ? {} : { celsius: cells[celsius] ?? Number.NaN }),
    };
  });
  const edges = edgeFile === undefined ? [] : linesOf(edgeFile).slice(1);
  // Every edge stands twice, for plotting.
  return { rows, edges: [...new Set(edges.map((edge) => Number(edge) / 1000 - start))] };
}

function timeOf(text: string): number {
  const stamp = text.trim().replaceAll("/", "-").replace(" ", "T");
  return Date.parse(`${stamp}${zoneOf(stamp)}`);
}

/** A row as the meter gets it, with both clocks in step from `start`. */
export const toReading = (
  { at, power, utilization, celsius }: PowerRow,
  field: PowerField,
  start: number,
): GpuReading => ({
  uuid: GPU_A,
  at: unixMs(start + at),
  monotonic: millis(at),
  health: "ok",
  epoch: "log",
  powerLimit: watts(500),
  power: watts(power[field] ?? Number.NaN),
  powerField: field,
  ...(utilization === undefined ? {} : { utilizationPercent: utilization }),
  ...(celsius === undefined ? {} : { temperatureC: celsius }),
});

/** Every `period` milliseconds, beginning `phase` later, the newest row: as a program that polls would see it. */
export function pollEvery(rows: readonly PowerRow[], period: number, phase = 0): readonly PowerRow[] {
  let next = phase;
  return rows.filter(({ at }) => {
    if (at < next) return false;
    next = at - ((at - phase) % period) + period;
    return true;
  });
}
