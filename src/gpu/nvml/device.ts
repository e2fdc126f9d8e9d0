import type { GpuUuid } from "../../ledger/rows.ts";
import type { MilliJoules } from "../../units/energy.ts";
import type { Millis } from "../../units/time.ts";
import { architectureName } from "../architecture.ts";
import type { GpuHealth, GpuInfo, GpuProcess, GpuReading } from "../source.ts";
import type { Answer, NvmlLibrary } from "./library.ts";
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
  /** The driver's load in which `epoch` began. */
  driverEpoch: string;
  epoch: string;
  /** The last counter seen in this epoch. */
  energy: MilliJoules | undefined;
  slow: SlowValues;
  /** Programs that draw: a desktop starts seldom, a miner often. */
  graphics: readonly GpuProcess[] | undefined;
  /** Percent of the cores by process id, and the driver's time of the newest sample in microseconds. */
  shares: ReadonlyMap<number, number>;
  sharesSeen: number;
  slowDue: Millis;
  sleepFile: string | undefined;
}

/** nvmlPciInfo_t: 68 bytes, the bus id @36. */
const PCI_SIZE = 68;
const PCI_BUS_ID = 36;

/** Who answers at a handle; the driver's code where nobody does. */
export function readUuid(library: NvmlLibrary, handle: bigint): Answer<GpuUuid> {
  const { code, value } = library.readText("nvmlDeviceGetUUID", handle);
  return value !== undefined && isGpuUuid(value) ? { code, value } : { code };
}

const isGpuUuid = (text: string): text is GpuUuid => /^GPU-[\w-]{1,90}$/.test(text);

/** What does not change while the agent runs, beside the index and the UUID that are known. */
export function readInfo(library: NvmlLibrary, handle: bigint, known: Pick<GpuInfo, "uuid" | "index">): GpuInfo {
  const { value: name } = library.readText("nvmlDeviceGetName", handle);
  const { value: generation } = library.readUint("nvmlDeviceGetArchitecture", handle);
  const architecture = generation === undefined ? undefined : architectureName(generation);
  const pciBusId = readBusId(library, handle);
  const vramTotalMiB = new VramReader(library).read(handle)?.totalMiB;
  const migEnabled = readMigMode(library, handle);
  return {
    ...known,
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
