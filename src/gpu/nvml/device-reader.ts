import { watts } from "../../units/energy.ts";
import { type Millis, millis } from "../../units/time.ts";
import type { MachineFiles } from "../machine-files.ts";
import type { GpuProcess, GpuReading } from "../source.ts";
import type { Device, SlowValues } from "./device.ts";
import type { NvmlLibrary } from "./library.ts";
import { type PowerAndEnergy, PowerAndEnergyReader } from "./power-and-energy.ts";
import { mergeProcesses, ProcessReader } from "./processes.ts";
import { type Fault, SUCCESS } from "./returns.ts";
import { ShareReader } from "./shares.ts";
import { findSleepFile, isAsleep } from "./sleep.ts";
import { VramReader } from "./vram.ts";

/** The values of a reading, without the time, the epoch and the health that the session adds. */
export type Values = PowerAndEnergy & SlowValues & Pick<GpuReading, "utilizationPercent" | "vramUsedMiB" | "processes">;

export interface Look {
  readonly values: Values;
  readonly takenAt?: Millis;
}

export interface ReaderParts {
  readonly library: NvmlLibrary;
  readonly driverVersion: string | undefined;
  readonly files: MachineFiles;
  readonly slowEvery: Millis;
}

/** Reads one GPU after the other, with memory that it uses again. */
export class DeviceReader {
  readonly #parts: ReaderParts;
  readonly #powerAndEnergy: PowerAndEnergyReader;
  readonly #processes: ProcessReader;
  readonly #shares: ShareReader;
  readonly #vram: VramReader;
  readonly #utilization = Buffer.alloc(8);

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    this.#powerAndEnergy = new PowerAndEnergyReader(parts.library);
    this.#shares = new ShareReader(parts.library);
    this.#vram = new VramReader(parts.library);
    this.#processes = new ProcessReader(parts.library, parts.driverVersion);
  }

  /** Power and energy first, so that nothing slow stands between them and `takenAt`. A sleeping GPU is left alone. */
  read(device: Device, handle: bigint, now: Millis): Look | Fault {
    const { slowEvery } = this.#parts;
    if (isAsleep(device.sleepFile)) return { values: {} };
    const counted = this.#powerAndEnergy.read(handle);
    if (typeof counted === "string") return counted;
    const takenAt = machineTime();
    const isDue = now >= device.slowDue;
    if (isDue) {
      this.#readSlow(device, handle);
      device.slowDue = millis(now + slowEvery);
    }
    const utilizationPercent = device.info.migEnabled ? undefined : this.#readUtilization(handle);
    const vramUsedMiB = this.#vram.read(handle)?.usedMiB;
    const programs = mergeProcesses(this.#processes.list(handle, "Compute"), device.graphics);
    if (isDue) this.#readShares(device, handle, programs);
    const processes = programs?.map((one) => withShare(one, device.shares));
    const values = {
      ...counted,
      ...device.slow,
      ...(utilizationPercent === undefined ? {} : { utilizationPercent }),
      ...(vramUsedMiB === undefined ? {} : { vramUsedMiB }),
      ...(processes === undefined ? {} : { processes }),
    };
    return { values, takenAt };
  }

  #readSlow(device: Device, handle: bigint): void {
    const { library, files } = this.#parts;
    const limit = library.readUint("nvmlDeviceGetEnforcedPowerLimit", handle).value;
    const temperature = library.readUint("nvmlDeviceGetTemperature", handle, 0).value;
    const fan = library.readUint("nvmlDeviceGetFanSpeed", handle).value;
    device.graphics = this.#processes.list(handle, "Graphics");
    device.sleepFile = findSleepFile(files, device.info.pciBusId);
    device.slow = {
      ...(limit === undefined ? {} : { powerLimit: watts(limit / 1000) }),
      // The driver writes a signed value into the unsigned one.
      ...(temperature === undefined ? {} : { temperatureC: temperature | 0 }),
      ...(fan === undefined ? {} : { fanPercent: fan }),
    };
  }

  /** The costliest call of all, so never for an empty GPU; the driver has none for parts of one (MIG). */
  #readShares(device: Device, handle: bigint, programs: readonly GpuProcess[] = []): void {
    const isAsked = programs.length > 0 && device.info.migEnabled !== true;
    const { shares, seen } = isAsked ? this.#shares.read(handle, device.sharesSeen) : NO_SHARES;
    device.shares = shares;
    device.sharesSeen = Math.max(device.sharesSeen, seen);
  }

  /** nvmlUtilization_t: the GPU's percent u32 @0, the memory's @4. */
  #readUtilization(handle: bigint): number | undefined {
    const code = this.#parts.library.call("nvmlDeviceGetUtilizationRates", handle, this.#utilization);
    return code === SUCCESS ? this.#utilization.readUInt32LE() : undefined;
  }
}

const NO_SHARES = { shares: new Map<number, number>(), seen: 0 } as const;

function withShare(program: GpuProcess, shares: ReadonlyMap<number, number>): GpuProcess {
  const smUtilizationPercent = shares.get(program.pid);
  return smUtilizationPercent === undefined ? program : { ...program, smUtilizationPercent };
}

/** Milliseconds that all threads of this machine count alike. */
export const machineTime = (): Millis => millis(Number(process.hrtime.bigint()) / 1e6);
