import type { GpuUuid } from "../../ledger/rows.ts";
import type { Millis } from "../../units/time.ts";
import { toBusId, troubleIn } from "./cells.ts";
import { type GpuCells, type GpuSample, toSample, toUuid } from "./sample.ts";

/** The names that `--query-gpu` knows, against the cell each one fills. A driver may know fewer. */
const CELL_OF = {
  "power.draw.instant": "instant",
  "power.draw.average": "average",
  "power.draw": "draw",
  "enforced.power.limit": "limit",
  "temperature.gpu": "temperature",
  "fan.speed": "fan",
  "utilization.gpu": "utilization",
  "memory.used": "vramUsed",
  "reset_status.reset_required": "resetRequired",
  gpu_recovery_action: "recovery",
} as const satisfies Record<string, keyof GpuCells>;

/** How a GPU is recognised; asked for first, and by every driver known. */
const KEYS = ["uuid", "pci.bus_id"];
const ALL: readonly string[] = [...KEYS, ...Object.keys(CELL_OF)];
/** Known to every driver since 2013. */
const OLDEST: readonly string[] = [...KEYS, "power.draw", "temperature.gpu", "fan.speed", "memory.used"];

/** What the next attempt asks for; undefined when there is nothing left to leave out. */
export function fewerFields(fields: readonly string[], unknown: ReadonlySet<string>): readonly string[] | undefined {
  const left = fields.filter((field) => KEYS.includes(field) || !unknown.has(field));
  if (left.length < fields.length) return left;
  return fields.length > OLDEST.length ? OLDEST : undefined;
}

export const firstFields = (): readonly string[] => ALL;

export const toArguments = (fields: readonly string[], period: Millis): readonly string[] => [
  `--query-gpu=${fields.join(",")}`,
  "--format=csv,noheader,nounits",
  `--loop-ms=${Math.round(period)}`,
];

/** What one line of the running query says. */
export type QueryLine =
  | { readonly kind: "sample"; readonly uuid: GpuUuid; readonly sample: GpuSample }
  | { readonly kind: "trouble"; readonly pciBusId: string; readonly health: "lost" | "reset-required" }
  | { readonly kind: "unknown-field"; readonly field: string }
  | { readonly kind: "unknown" };

/** Parses one whole line of a query for `fields`; cells may carry their units. Never throws. */
export function parseLine(line: string, fields: readonly string[]): QueryLine {
  const cells = line.split(",").map((cell) => cell.trim());
  if (cells.length !== fields.length) return parseNotice(line);
  const cellOf = (field: string) => cells[fields.indexOf(field)];
  const uuid = toUuid(cellOf("uuid"));
  if (uuid === undefined) return parseLostRow(cells, toBusId(cellOf("pci.bus_id")));
  const named: Record<string, string | undefined> = {};
  for (const [field, cell] of Object.entries(CELL_OF)) named[cell] = cellOf(field);
  return { kind: "sample", uuid, sample: toSample(named) };
}

/** A GPU that fell off the bus may still be listed by the place where it was. */
function parseLostRow(cells: readonly string[], pciBusId: string | undefined): QueryLine {
  const health = cells.map(troubleIn).find((trouble) => trouble !== undefined);
  return health === undefined || pciBusId === undefined ? { kind: "unknown" } : { kind: "trouble", pciBusId, health };
}

function parseNotice(line: string): QueryLine {
  const [, field] = /^Field "([\w.]{1,80})" is not a valid field to query/.exec(line.trim()) ?? [];
  if (field !== undefined) return { kind: "unknown-field", field };
  const [, place] = /^Unable to determine the device handle for GPU(.*)/i.exec(line.trim()) ?? [];
  const pciBusId = toBusId(place);
  if (pciBusId === undefined) return { kind: "unknown" };
  return { kind: "trouble", pciBusId, health: troubleIn(place) ?? "lost" };
}
