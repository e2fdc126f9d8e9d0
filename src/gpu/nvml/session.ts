import type { GpuUuid } from "../../ledger/rows.ts";
import { type Backoff, createBackoff } from "../../lib/backoff.ts";
import { systemClock } from "../../lib/clock.ts";
import { type Millis, millis } from "../../units/time.ts";
import { GpuError } from "../errors.ts";
import type { MachineFiles } from "../machine-files.ts";
import { type Device, handleByIndex, readInfo, readUuid } from "./device.ts";
import { DeviceReader, type Look, type Values } from "./device-reader.ts";
import { driverEpoch, gpuEpoch } from "./epoch.ts";
import { EventWatch, type Xid } from "./events.ts";
import type { NvmlLibrary } from "./library.ts";
import type { OpenedGpu, RawReading } from "./protocol.ts";
import { type Fault, SUCCESS } from "./returns.ts";
import { findSleepFile } from "./sleep.ts";

export interface SessionParts {
  readonly library: NvmlLibrary;
  readonly files: MachineFiles;
  readonly slowEvery: Millis;
  readonly retry: readonly [Millis, Millis];
  readonly opened: string;
  readonly onXid: (xid: Xid) => void;
}

/**
 * One open session with the driver for the agent's life; a new one only after a GPU was lost. All calls block, so it
 * belongs to a thread of its own. `now` is the agent's monotonic time.
 */
export class NvmlSession {
  readonly #parts: SessionParts;
  readonly #devices = new Map<GpuUuid, Device>();
  readonly #backoff: Backoff;
  #reader: DeviceReader | undefined;
  #driverVersion: string | undefined;
  #driverEpoch = "";
  #events: EventWatch | undefined;
  #isOpen = false;
  #without: readonly number[] = [];
  #retryAt: Millis | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#backoff = createBackoff(...parts.retry);
  }

  get driverVersion(): string | undefined {
    return this.#driverVersion;
  }

  /** Opens the session and finds the GPUs; those at `without` are never asked, because another thread is stuck there. */
  open(without: readonly number[]): readonly OpenedGpu[] {
    this.#without = without;
    const code = this.#begin();
    if (code !== SUCCESS) {
      throw new GpuError(`the NVIDIA driver refused a session (NVML return code ${code})`, {
        code: "ERR_GPU_NVML_UNAVAILABLE",
        mend: "check that the driver is loaded and of the library's version: nvidia-smi must answer",
      });
    }
    for (const index of this.#indexes()) this.#discover(index);
    this.#watchEvents();
    return [...this.#devices.values()].map(({ info, epoch, health }) => ({ info, epoch, health }));
  }

  /** Opens anew when a GPU is away and its time has come. Readings of the others wait for it. */
  async recover(now: Millis): Promise<void> {
    if (this.#retryAt === undefined || now < this.#retryAt) return;
    await this.#end();
    this.#begin();
    for (const device of this.#devices.values()) this.#locate(device);
    this.#watchEvents();
    const isWhole = [...this.#devices.values()].every(({ handle }) => handle !== undefined);
    this.#retryAt = isWhole ? undefined : millis(now + this.#backoff.next());
  }

  /** Undefined for a GPU that this session does not know. */
  read(uuid: GpuUuid, now: Millis): RawReading | undefined {
    const device = this.#devices.get(uuid);
    if (device === undefined) return undefined;
    const { handle } = device;
    if (handle === undefined || this.#reader === undefined) return toRaw(device, { values: {} });
    const look = this.#reader.read(device, handle, now);
    if (typeof look === "string") {
      this.#onFault(device, look, now);
      return toRaw(device, { values: {} });
    }
    this.#followCounter(device, look.values);
    if (device.health !== "ok") this.#backoff.reset();
    device.health = "ok";
    return toRaw(device, look);
  }

  /** Ends the session; nothing of it stays open. */
  async close(): Promise<void> {
    await this.#end();
    this.#devices.clear();
  }

  #begin(): number {
    const { library, files, slowEvery, opened } = this.#parts;
    const code = library.call("nvmlInit_v2");
    if (code !== SUCCESS) return code;
    this.#isOpen = true;
    this.#driverVersion = library.readText("nvmlSystemGetDriverVersion").value;
    this.#enterEpoch(driverEpoch(files, this.#driverVersion, opened));
    this.#reader = new DeviceReader({ library, files, slowEvery, driverVersion: this.#driverVersion });
    return code;
  }

  /** Another driver than before: its counters began at 0. */
  #enterEpoch(epoch: string): void {
    if (epoch === this.#driverEpoch) return;
    this.#driverEpoch = epoch;
    for (const device of this.#devices.values()) {
      device.epoch = gpuEpoch(epoch, device.info.uuid, undefined);
      device.energy = undefined;
    }
  }

  async #end(): Promise<void> {
    await this.#events?.stop();
    this.#events = undefined;
    for (const device of this.#devices.values()) device.handle = undefined;
    if (this.#isOpen) this.#parts.library.call("nvmlShutdown");
    this.#isOpen = false;
  }

  #indexes(): readonly number[] {
    const { value: count = 0 } = this.#parts.library.readUint("nvmlDeviceGetCount_v2");
    return Array.from({ length: count }, (_, index) => index).filter((index) => !this.#without.includes(index));
  }

  #discover(index: number): void {
    const { library, files } = this.#parts;
    const handle = handleByIndex(library, index);
    const info = handle === undefined ? undefined : readInfo(library, index, handle);
    if (info === undefined) return;
    this.#devices.set(info.uuid, {
      info,
      handle,
      health: "ok",
      epoch: gpuEpoch(this.#driverEpoch, info.uuid, undefined),
      energy: undefined,
      slow: {},
      graphics: undefined,
      slowDue: millis(0),
      sleepFile: findSleepFile(files, info.pciBusId),
    });
  }

  /** By UUID first; that search may stumble over any GPU on its way, so by index too. */
  #locate(device: Device): void {
    const { library } = this.#parts;
    const { uuid } = device.info;
    const found = this.#without.length > 0 ? undefined : library.readPointer("nvmlDeviceGetHandleByUUID", uuid).value;
    device.handle = found ?? this.#findByIndex(uuid);
    device.slowDue = millis(0);
    if (device.handle === undefined && device.health === "ok") device.health = "unknown";
  }

  #findByIndex(uuid: GpuUuid): bigint | undefined {
    const { library } = this.#parts;
    for (const index of this.#indexes()) {
      const handle = handleByIndex(library, index);
      if (handle !== undefined && readUuid(library, handle) === uuid) return handle;
    }
    return undefined;
  }

  #watchEvents(): void {
    const { library, onXid } = this.#parts;
    const handles = new Map<bigint, GpuUuid>();
    for (const { handle, info } of this.#devices.values()) if (handle !== undefined) handles.set(handle, info.uuid);
    this.#events = this.#isOpen && handles.size > 0 ? EventWatch.start(library, handles, onXid) : undefined;
  }

  #onFault(device: Device, fault: Fault, now: Millis): void {
    const all = fault === "session" ? [...this.#devices.values()] : [device];
    for (const one of all) {
      one.handle = undefined;
      one.health = fault === "session" ? "unknown" : fault;
    }
    this.#retryAt ??= millis(now + this.#backoff.next());
  }

  #followCounter(device: Device, { energy }: Values): void {
    if (energy === undefined) return;
    // A falling counter was reset, by a GPU reset or in a way that the module's folder did not show.
    if (device.energy !== undefined && energy < device.energy) {
      device.epoch = gpuEpoch(this.#driverEpoch, device.info.uuid, systemClock.now());
    }
    device.energy = energy;
  }
}

const toRaw = ({ info, epoch, health }: Device, { values, ...time }: Look): RawReading => ({
  ...time,
  reading: {
    uuid: info.uuid,
    health,
    epoch,
    ...values,
    ...(values.energy === undefined ? {} : { energyBasis: "counter" }),
  },
});
