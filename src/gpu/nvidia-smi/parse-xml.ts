import type { GpuUuid } from "../../ledger/rows.ts";
import type { GpuInfo, GpuProcess } from "../source.ts";
import { MEMORY, toBusId, toNumber, toText } from "./cells.ts";
import { NvidiaSmiError } from "./errors.ts";
import { type GpuSample, toSample, toUuid } from "./sample.ts";

/** One GPU as the full log describes it. */
export interface LoggedGpu {
  readonly info: GpuInfo;
  readonly sample: GpuSample;
  /** Absent when the log does not tell; empty when nothing runs. */
  readonly processes?: readonly GpuProcess[];
}

export interface Inventory {
  readonly driverVersion?: string;
  readonly gpus: readonly LoggedGpu[];
  /** GPUs that the log lists without an id, as it does when they fail. */
  readonly unreadable: number;
}

const MOST_GPUS = 64;
const MOST_PROCESSES = 4096;
const MEND = "run `nvidia-smi -q -x` and look at what it prints; a restart of the driver often helps";

/**
 * Parses what `nvidia-smi -q -x` printed, read into objects. Layouts are told apart by their elements: one DOCTYPE
 * stands over three of them. Throws `ERR_NVIDIA_SMI_OUTPUT` naming the element when it is no such log.
 */
export function parseInventory(document: unknown): Inventory {
  const log = childOf(document, "nvidia_smi_log");
  if (typeof log !== "object" || log === null) throw fault("nvidia_smi_log", "there is no such element");
  const nodes = listOf(childOf(log, "gpu"));
  if (nodes.length > MOST_GPUS) throw fault("gpu", `${nodes.length} of them are more than any machine has`);
  const gpus = nodes.map(toGpu).filter((gpu) => gpu !== undefined);
  if (nodes.length > 0 && gpus.length === 0) throw fault("gpu/uuid", "no GPU has one");
  if (new Set(gpus.map(({ info }) => info.uuid)).size < gpus.length) throw fault("gpu/uuid", "two GPUs have the same");
  const driverVersion = toText(textAt(log, "driver_version"));
  return { ...(driverVersion === undefined ? {} : { driverVersion }), gpus, unreadable: nodes.length - gpus.length };
}

const fault = (field: string, what: string): NvidiaSmiError =>
  new NvidiaSmiError(`nvidia-smi printed a log that cannot be read: <${field}>: ${what}`, {
    code: "ERR_NVIDIA_SMI_OUTPUT",
    field,
    mend: MEND,
    retryable: true,
  });

function toGpu(node: unknown, index: number): LoggedGpu | undefined {
  const uuid = toUuid(textAt(node, "uuid"));
  if (uuid === undefined) return undefined;
  const processes = toProcesses(childOf(node, "processes"));
  return {
    info: toInfo(node, uuid, index),
    sample: toSample(cellsOf(node)),
    ...(processes === undefined ? {} : { processes }),
  };
}

/** The log lists GPUs in the order of their indices. */
function toInfo(node: unknown, uuid: GpuUuid, index: number): GpuInfo {
  const architecture = toText(textAt(node, "product_architecture"));
  const pciBusId = toBusId(textAt(node, "pci", "pci_bus_id")) ?? toBusId(textAt(node, "$", "id"));
  const vramTotalMiB = toNumber(textAt(node, "fb_memory_usage", "total"), MEMORY);
  const mig = toText(textAt(node, "mig_mode", "current_mig"))?.toLowerCase();
  return {
    uuid,
    index,
    name: toText(textAt(node, "product_name")) ?? "NVIDIA GPU",
    ...(architecture === undefined ? {} : { architecture }),
    ...(pciBusId === undefined ? {} : { pciBusId }),
    ...(vramTotalMiB === undefined ? {} : { vramTotalMiB }),
    ...(mig === "enabled" || mig === "disabled" ? { migEnabled: mig === "enabled" } : {}),
  };
}

/** Module and memory power stand in elements of their own, beside the board's. `gpu_temp_tlimit` is a distance. */
function cellsOf(node: unknown) {
  const power = childOf(node, "gpu_power_readings") ?? childOf(node, "power_readings");
  return {
    instant: textAt(power, "instant_power_draw"),
    average: textAt(power, "average_power_draw"),
    draw: textAt(power, "power_draw"),
    limit: limitOf(power),
    temperature: textAt(node, "temperature", "gpu_temp"),
    fan: textAt(node, "fan_speed"),
    utilization: textAt(node, "utilization", "gpu_util"),
    vramUsed: textAt(node, "fb_memory_usage", "used"),
    resetRequired: textAt(node, "gpu_reset_status", "reset_required"),
    recovery: textAt(node, "gpu_recovery_action"),
  };
}

/** The limit in force, before the one that was asked for. */
const limitOf = (power: unknown): string | undefined =>
  ["current_power_limit", "enforced_power_limit", "requested_power_limit", "power_limit"]
    .map((name) => textAt(power, name))
    .find((text) => toText(text) !== undefined);

/** A process that uses several instances of one GPU is listed once for each. */
function toProcesses(node: unknown): readonly GpuProcess[] | undefined {
  if (node === undefined || (typeof node === "string" && node.trim() !== "")) return undefined;
  const byPid = new Map<number, GpuProcess>();
  for (const one of listOf(childOf(node, "process_info")).slice(0, MOST_PROCESSES)) {
    const pid = toPid(textAt(one, "pid"));
    if (pid === undefined) continue;
    const used = toNumber(textAt(one, "used_memory"), MEMORY);
    const before = byPid.get(pid)?.usedMiB;
    const usedMiB = used === undefined ? before : used + (before ?? 0);
    const onlyDraws = textAt(one, "type")?.trim() === "G" && (byPid.get(pid)?.onlyDraws ?? !byPid.has(pid));
    byPid.set(pid, {
      pid,
      ...(usedMiB === undefined ? {} : { usedMiB }),
      ...(onlyDraws ? { onlyDraws } : {}),
    });
  }
  return [...byPid.values()];
}

const toPid = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,9}$/.test(text.trim()) ? Number(text) : undefined;

/** Own properties only: the names come from the program's output. */
const childOf = (node: unknown, name: string): unknown =>
  typeof node === "object" && node !== null && Object.hasOwn(node, name)
    ? Object.getOwnPropertyDescriptor(node, name)?.value
    : undefined;

const listOf = (node: unknown): readonly unknown[] =>
  Array.isArray(node) ? node : node === undefined || node === "" ? [] : [node];

/** The text of an element, also when it carries attributes; undefined for one that holds others or stands twice. */
function textAt(node: unknown, ...path: readonly string[]): string | undefined {
  const found = path.reduce(childOf, node);
  const text = typeof found === "object" ? childOf(found, "_") : found;
  return typeof text === "string" ? text : undefined;
}
