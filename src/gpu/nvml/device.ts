import type { GpuUuid } from "../../ledger/rows.ts";
import type { MilliJoules } from "../../units/energy.ts";
import type { Millis } from "../../units/time.ts";
import { architectureName } from "../architecture.ts";
import type { GpuHealth, GpuInfo, GpuProcess, GpuReading } from "../source.ts";
import type { NvmlLibrary } from "./library.ts";
import { toText } from "./memory.ts";
import { SUCCESS } from "./returns.ts";
import { VramReader } from "./vram.ts";

/** What changes slowly and costs a call each: read again once a second. */
export type SlowValues = Pick<GpuReading, "powerLimit" | "temperatureC" | "fanPercent">;

/** One GPU of the session; only the session and its reader write it. */
export interface Device {
  readonly info: GpuInfo;
  /** Undefined while the GPU cannot be reached. */
  handle: bigint | undefined;
  health: GpuHealth;
  epoch: string;
  /** The last counter seen in this epoch. */
  energy: MilliJoules | undefined;
  slow: SlowValues;
  /** Programs that draw: a desktop starts seldom, a miner often. */
  graphics: readonly GpuProcess[] | undefined;
  slowDue: Millis;
  sleepFile: string | undefined;
}

/** nvmlPciInfo_t: 68 bytes, the bus id @36. */
const PCI_SIZE = 68;
const PCI_BUS_ID = 36;

export const handleByIndex = (library: NvmlLibrary, index: number): bigint | undefined =>
  library.readPointer("nvmlDeviceGetHandleByIndex_v2", index).value;

export function readUuid(library: NvmlLibrary, handle: bigint): GpuUuid | undefined {
  const { value } = library.readText("nvmlDeviceGetUUID", handle);
  return value !== undefined && isGpuUuid(value) ? value : undefined;
}

const isGpuUuid = (text: string): text is GpuUuid => /^GPU-[\w-]{1,90}$/.test(text);

/** What does not change while the agent runs; undefined for a GPU that does not say who it is. */
export function readInfo(library: NvmlLibrary, index: number, handle: bigint): GpuInfo | undefined {
  const uuid = readUuid(library, handle);
  if (uuid === undefined) return undefined;
  const { value: name } = library.readText("nvmlDeviceGetName", handle);
  const { value: generation } = library.readUint("nvmlDeviceGetArchitecture", handle);
  const architecture = generation === undefined ? undefined : architectureName(generation);
  const pciBusId = readBusId(library, handle);
  const vramTotalMiB = new VramReader(library).read(handle)?.totalMiB;
  const migEnabled = readMigMode(library, handle);
  return {
    uuid,
    index,
    name: name || "NVIDIA GPU",
    ...(architecture === undefined ? {} : { architecture }),
    ...(pciBusId ? { pciBusId } : {}),
    ...(vramTotalMiB === undefined ? {} : { vramTotalMiB }),
    ...(migEnabled === undefined ? {} : { migEnabled }),
  };
}

function readBusId(library: NvmlLibrary, handle: bigint): string | undefined {
  const pci = Buffer.alloc(PCI_SIZE);
  const code = library.call("nvmlDeviceGetPciInfo_v3", handle, pci);
  return code === SUCCESS ? toText(pci, PCI_BUS_ID) : undefined;
}

function readMigMode(library: NvmlLibrary, handle: bigint): boolean | undefined {
  const [current, pending] = [Buffer.alloc(4), Buffer.alloc(4)];
  const code = library.call("nvmlDeviceGetMigMode", handle, current, pending);
  return code === SUCCESS ? current.readUInt32LE() === 1 : undefined;
}
