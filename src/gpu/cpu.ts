import { randomUUID } from "node:crypto";
import { arch } from "node:os";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { Millis } from "../units/time.ts";
import { type CpuEnergyMeter, type CpuPowerModel, meterCounters, meterModel } from "./cpu-energy.ts";
import { readCpuName, readCpuUuid } from "./cpu-identity.ts";
import { type CpuTicks, loadBetween, readTicks } from "./cpu-load.ts";
import { findTemperatureFiles, readTemperature } from "./cpu-temperature.ts";
import { GpuError } from "./errors.ts";
import { type MachineFiles, machineFiles, readText } from "./machine-files.ts";
import { findPackageRapl } from "./rapl.ts";
import type { GpuInfo, GpuReading, GpuSource } from "./source.ts";

export interface CpuParts {
  readonly clock: Clock;
  /** For a CPU without an energy counter that this user may read. */
  readonly model: CpuPowerModel;
  /** Random and kept by the caller, for machines without a machine id. */
  readonly fallbackId: string;
  readonly files?: MachineFiles;
  readonly logger?: Logger;
}

/** The kernel counts in ticks of 10 ms: over less than this the load is mostly chance. */
const SHORTEST_FOR_LOAD_MS = 100;

/** The CPU as a device that can hash and infer. Reads only files that the kernel keeps in memory; holds none open. */
export function openCpu(parts: CpuParts): GpuSource {
  const device = new CpuDevice(parts);
  return {
    kind: "cpu",
    list: (signal) => settle(signal, () => [device.info]),
    read: (uuid, signal) => settle(signal, () => device.read(uuid)),
    close: () => Promise.resolve(),
  };
}

const settle = <T>(signal: AbortSignal, read: () => T): Promise<T> =>
  new Promise((resolve) => {
    signal.throwIfAborted();
    resolve(read());
  });

/** Reads are synchronous, so that energy, load and time belong to the same moment; only `read` writes the state. */
class CpuDevice {
  readonly info: GpuInfo;
  readonly #clock: Clock;
  readonly #files: MachineFiles;
  readonly #meter: CpuEnergyMeter;
  readonly #temperatureFiles: readonly string[];
  readonly #epoch: string;
  #ticks: CpuTicks | undefined;
  #ticksAt: Millis;
  #load: number | undefined;

  constructor({ clock, model, fallbackId, files = machineFiles, logger }: CpuParts) {
    const rapl = findPackageRapl(files);
    this.info = { uuid: readCpuUuid(files, fallbackId), index: 0, name: readCpuName(files), architecture: arch() };
    this.#clock = clock;
    this.#files = files;
    const hasCounter = rapl.kind === "found";
    if (!hasCounter) logger?.info("the processor's energy is assumed from its load", { reason: rapl.reason });
    this.#meter = hasCounter ? meterCounters(rapl.counters, clock) : meterModel(model, clock);
    this.#temperatureFiles = findTemperatureFiles(files);
    // Both meters count from this start of the agent on, so a restart is a new epoch within the same boot.
    this.#epoch = `${readText(files.proc, "sys/kernel/random/boot_id") ?? "boot"}/${randomUUID()}`;
    this.#ticks = readTicks(files);
    this.#ticksAt = clock.monotonic();
  }

  read(uuid: GpuUuid): GpuReading {
    if (uuid !== this.info.uuid) {
      throw new GpuError(`no device ${uuid}`, {
        code: "ERR_GPU_UNKNOWN",
        uuid,
        mend: "list the devices with: rigshift gpus",
      });
    }
    const monotonic = this.#clock.monotonic();
    const { energy, basis, power, resets } = this.#meter.read(monotonic, this.#readLoad(monotonic));
    const temperatureC = readTemperature(this.#temperatureFiles);
    return {
      uuid,
      at: this.#clock.now(),
      monotonic,
      health: "ok",
      epoch: `${this.#epoch}/${resets}`,
      ...(power === undefined ? {} : { power }),
      ...(energy === undefined ? {} : { energy, energyBasis: basis }),
      ...(this.#load === undefined ? {} : { utilizationPercent: this.#load * 100 }),
      ...(temperatureC === undefined ? {} : { temperatureC }),
    };
  }

  /** The load since it was last known; undefined while too little time passed to know it anew. */
  #readLoad(now: Millis): number | undefined {
    if (now - this.#ticksAt < SHORTEST_FOR_LOAD_MS) return undefined;
    const ticks = readTicks(this.#files);
    const load = this.#ticks && ticks && loadBetween(this.#ticks, ticks);
    this.#ticks = ticks;
    this.#ticksAt = now;
    this.#load = load;
    return load;
  }
}
