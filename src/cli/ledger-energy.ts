import { toEnergySlotView } from "../api/rows.ts";
import type { EnergySlotView } from "../api/shapes.ts";
import type { EnergySlot } from "../ledger/energy.ts";
import type { ReadOnlyLedger } from "../ledger/ledger.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import type { JobsAtWall, RigEnergyRow } from "../ledger/rig-energy.ts";
import { systemClock } from "../lib/clock.ts";
import { type UnixMs, unixMs } from "../units/time.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { toSampleCsv, toSampleJson, toSampleTable } from "./ledger-samples.ts";
import { parseMoment } from "./moment.ts";
import { renderTable, wrapLines } from "./table.ts";
import { sayAmount, sayEnergy, sayEnergyWithin, sayLength, sayTime, UNKNOWN } from "./wording.ts";

const COLUMNS = [
  ["HASHING", "hashingMj"],
  ["INFERENCE", "inferenceMj"],
  ["SWITCH", "switchMj"],
  ["PARKED", "parkedMj"],
  ["IDLE", "idleMj"],
  ["MEASURED", "measuredMj"],
  ["UNSEEN", "unseenMj"],
] as const;
type EnergyKey = (typeof COLUMNS)[number][1];
/**
 * `unseenMj` is an estimate of what was used while nothing could be measured; it is in no sum. `interpolatedMj` is the
 * part of `measuredMj` whose slot is told by time alone, because no reading fell on the boundary.
 */
type SlotLine = EnergySlotView & { readonly unseenMj: number; readonly interpolatedMj: number };

const HEADER = ["SLOT (UTC)", "GPU", ...COLUMNS.map(([title]) => title), "QUALITY"];
const RIGHT = new Set(COLUMNS.map(([title]) => title as string));
const SPARE = ["UNSEEN", "QUALITY", "SWITCH", "IDLE", "PARKED"];

export interface LedgerEnergyOptions extends LocationOptions {
  readonly from: string;
  readonly to?: string;
  readonly gpu?: string;
  readonly json?: true;
  readonly csv?: true;
  /** Every minute of every GPU instead of its slots. */
  readonly samples?: true;
}

/** Where the joules of every 15-minute slot went, or what each minute was like, whether an agent runs or not. */
export function ledgerEnergy(options: LedgerEnergyOptions, context: CliContext): void {
  if (options.csv && options.json)
    throw new UsageError("both --csv and --json", { code: "ERR_USAGE", mend: "give one of them" });
  const now = systemClock.now();
  const from = unixMs(parseMoment(options.from, "--from", now));
  const to = unixMs(options.to === undefined ? now : parseMoment(options.to, "--to", now));
  if (from >= to) throw emptyRange(from, to);
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    if (options.gpu !== undefined) requireGpu(options.gpu, ledger);
    if (options.samples) printSamples([from, to], ledger, options, context);
    else printSlots([from, to], ledger, options, context);
  } finally {
    ledger.close();
  }
}

const emptyRange = (from: UnixMs, to: UnixMs): UsageError =>
  new UsageError(`--from ${sayTime(from)} is not before --to ${sayTime(to)} (both UTC)`, {
    code: "ERR_USAGE",
    mend: "give a --from that lies before --to, or leave --to out for now",
  });

/** A name that is in no slot would otherwise look like a GPU that used nothing. */
function requireGpu(gpu: string, { energy }: ReadOnlyLedger): void {
  const known = [...new Set(energy.slots(unixMs(0), unixMs(Number.MAX_SAFE_INTEGER)).map((slot) => slot.gpu))];
  if (known.some((one) => one === gpu)) return;
  throw new UsageError(`the ledger has no GPU ${JSON.stringify(gpu)}`, {
    code: "ERR_RIG_UNKNOWN_GPU",
    mend: `it has ${known.join(", ") || "none yet"}`,
  });
}

type Range = readonly [from: UnixMs, to: UnixMs];

function printSlots(range: Range, ledger: ReadOnlyLedger, options: LedgerEnergyOptions, context: CliContext): void {
  const slots = ledger.energy
    .slots(...range)
    .filter(isOf(options))
    .map(toLine);
  const rig = ledger.rigEnergy.slots(...range);
  const jobs = ledger.rigEnergy.ofJobs(...range, options.gpu);
  if (options.json) printJson(context, { ...toJson(range, slots, rig), jobs: toJobsView(jobs) });
  else if (options.csv) context.print(toCsv(slots));
  else
    context.print(
      `${toTable(slots, context.columns)}\n${wrapLines(toRigLines(rig) + toJobsLine(jobs), context.columns)}`,
    );
}

function printSamples(range: Range, ledger: ReadOnlyLedger, options: LedgerEnergyOptions, context: CliContext): void {
  const minutes = ledger.gpuMinutes.list(...range).filter(isOf(options));
  if (options.json) printJson(context, toSampleJson(range, minutes));
  else if (options.csv) context.print(toSampleCsv(minutes));
  else context.print(`${toSampleTable(minutes, context.columns)}\n`);
}

const isOf =
  (options: LedgerEnergyOptions) =>
  ({ gpu }: { readonly gpu: string }): boolean =>
    options.gpu === undefined || gpu === options.gpu;

const toLine = (slot: EnergySlot): SlotLine => ({
  ...toEnergySlotView(slot),
  unseenMj: slot.unseen,
  interpolatedMj: slot.interpolated,
});

const totalOf = (slots: readonly SlotLine[], key: EnergyKey): number => slots.reduce((sum, slot) => sum + slot[key], 0);

const toJson = (
  [fromMs, toMs]: readonly [number, number],
  slots: readonly SlotLine[],
  rig: readonly RigEnergyRow[],
) => ({
  fromMs,
  toMs,
  slots,
  totals: Object.fromEntries(COLUMNS.map(([, key]) => [key, totalOf(slots, key)])),
  rig: rig.map(({ slotStart, channel, energy, covered, resets, jumps }) => ({
    slotStartMs: slotStart,
    channel,
    energyMj: energy,
    coveredMs: covered,
    resets,
    jumps,
  })),
});

/** Of the jobs that started in this time, on all GPUs or the one that is named. */
const toJobsView = ({ jobs, unmetered, energy, wallEnergy, wallErrorPct }: JobsAtWall) => ({
  jobs,
  unmetered,
  energyMj: energy,
  wallEnergyMj: wallEnergy,
  wallErrorPct: wallErrorPct ?? null,
});

function toJobsLine({ jobs, unmetered, energy, wallEnergy, wallErrorPct }: JobsAtWall): string {
  if (jobs + unmetered === 0) return "";
  const missing = unmetered === 0 ? "" : `, ${unmetered} without any energy measured`;
  const started = `${sayAmount(jobs + unmetered, "job")} started${missing}`;
  return `${started}: ${sayEnergy(energy)} at the GPUs, ${sayAtWall(wallEnergy, wallErrorPct)}\n`;
}

/** A bound that reaches below zero says little, so that the figure, the bound and the upper end are told apart. */
function sayAtWall(energy: number, errorPct: number | undefined): string {
  const within = errorPct === undefined ? sayEnergy(energy) : sayEnergyWithin(energy, errorPct);
  if (errorPct === undefined || errorPct <= 100) return `${within} at the wall by the wall model`;
  return `${sayEnergy(energy)} at the wall by the wall model, which may be off by ${errorPct.toFixed(0)} %: ${within}`;
}

function toCsv(slots: readonly SlotLine[]): string {
  const keys = COLUMNS.map(([, key]) => key);
  const header = [
    "slot_start_utc",
    "slot_start_ms",
    "gpu_uuid",
    ...keys.map(toColumn),
    "energy_quality",
    "interpolated_mj",
  ];
  const rows = slots.map((slot) => [
    new Date(slot.slotStartMs).toISOString(),
    slot.slotStartMs,
    slot.gpu,
    ...keys.map((key) => slot[key]),
    slot.quality,
    slot.interpolatedMj,
  ]);
  return [header, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

/** The name that the ledger's own view gives the column. */
const toColumn = (key: string): string => key.replace(/Mj$/, "_mj");

function toTable(slots: readonly SlotLine[], columns: number | undefined): string {
  const cells = (say: (key: EnergyKey) => number) =>
    COLUMNS.map(([, key]) => (key === "unseenMj" && say(key) === 0 ? UNKNOWN : sayEnergy(say(key))));
  const rows = slots.map((slot) => [
    sayTime(slot.slotStartMs).slice(0, 16),
    slot.gpu,
    ...cells((key) => slot[key]),
    sayQuality(slot),
  ]);
  const total = [
    "total",
    sayAmount(new Set(slots.map(({ gpu }) => gpu)).size, "GPU"),
    ...cells((key) => totalOf(slots, key)),
    "",
  ];
  return renderTable(HEADER, [...rows, total], { right: RIGHT, spare: SPARE, columns });
}

const sayQuality = ({ quality, interpolatedMj, measuredMj }: SlotLine): string =>
  interpolatedMj === 0 ? quality : `${quality}, ${((100 * interpolatedMj) / measuredMj).toFixed(1)} % cut by time`;

/** What the rig as a whole drew, seen elsewhere: beside the table, because it holds the same joules again. */
function toRigLines(rig: readonly RigEnergyRow[]): string {
  const names = { wall: "at the wall", host: "processor" } as const;
  return (["wall", "host"] as const)
    .map((channel) => rig.filter((row) => row.channel === channel))
    .flatMap(([first, ...rest]) => (first === undefined ? [] : [[first, ...rest]]))
    .map((rows) => {
      const energy = rows.reduce((sum, row) => sum + row.energy, 0);
      const covered = rows.reduce((sum, row) => sum + row.covered, 0);
      const resets = rows.reduce((sum, row) => sum + row.resets, 0);
      const jumps = rows.reduce((sum, row) => sum + row.jumps, 0);
      const fell = resets === 0 ? "" : `, its total fell ${sayAmount(resets, "time")}`;
      const jumped = jumps === 0 ? "" : `, it jumped ${sayAmount(jumps, "time")}`;
      return `${names[rows[0]?.channel ?? "wall"]}: ${sayEnergy(energy)} in ${sayLength(covered)} seen${fell}${jumped}\n`;
    })
    .join("");
}
