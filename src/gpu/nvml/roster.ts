import type { GpuUuid } from "../../ledger/rows.ts";
import { millis } from "../../units/time.ts";
import type { MachineFiles } from "../machine-files.ts";
import type { GpuInfo, MissingGpu } from "../source.ts";
import { type Device, readInfo, readUuid } from "./device.ts";
import { gpuEpoch } from "./epoch.ts";
import type { Answer, NvmlLibrary } from "./library.ts";
import type { Handover, KnownGpu } from "./protocol.ts";
import { FUNCTION_NOT_FOUND, faultOf, NO_PERMISSION, NOT_SUPPORTED, SUCCESS } from "./returns.ts";
import { findSleepFile } from "./sleep.ts";

export interface RosterParts {
  readonly library: NvmlLibrary;
  readonly files: MachineFiles;
}

/** Answers that another try will not change. */
const FOR_GOOD: readonly number[] = [SUCCESS, NOT_SUPPORTED, NO_PERMISSION];

/** The GPUs of a session: those that were ever seen, and the places where one is counted that does not answer. */
export class Roster {
  readonly #parts: RosterParts;
  readonly #without: readonly number[];
  readonly #devices = new Map<GpuUuid, Device>();
  #missing: readonly MissingGpu[];
  #driverEpoch = "";

  constructor(parts: RosterParts, { known, missing, without }: Handover) {
    this.#parts = parts;
    this.#without = without;
    this.#missing = missing;
    for (const gpu of known) this.#devices.set(gpu.info.uuid, this.#toDevice(gpu));
  }

  get devices(): readonly Device[] {
    return [...this.#devices.values()];
  }

  get missing(): readonly MissingGpu[] {
    return this.#missing;
  }

  /** Nobody is away who may come back in this session. */
  get isWhole(): boolean {
    const mayCome =
      this.#without.length === 0 && this.#missing.some(({ returnCode }) => !FOR_GOOD.includes(returnCode));
    return !mayCome && this.devices.every(({ handle }) => handle !== undefined);
  }

  get(uuid: GpuUuid): Device | undefined {
    return this.#devices.get(uuid);
  }

  /** Another load of the driver than before: its counters began at 0. */
  enterEpoch(driverEpoch: string): void {
    this.#driverEpoch = driverEpoch;
    for (const device of this.#devices.values()) {
      if (device.driverEpoch === driverEpoch) continue;
      device.driverEpoch = driverEpoch;
      device.epoch = gpuEpoch(driverEpoch, device.info.uuid, undefined);
      device.energy = undefined;
    }
  }

  /** Handles end with their session. */
  forgetHandles(): void {
    for (const device of this.#devices.values()) device.handle = undefined;
  }

  /** While another thread is stuck at a GPU, only those known are asked for, each by its own place. */
  find(): void {
    if (this.#without.length > 0) for (const device of this.#devices.values()) this.#findKnown(device);
    else this.#search();
    for (const device of this.#devices.values()) {
      device.slowDue = millis(0);
      if (device.handle === undefined && device.health === "ok") device.health = "unknown";
    }
  }

  /** By index, so that a lost GPU hides no other: the driver's search by UUID stumbles over any on its way. */
  #search(): void {
    const { library } = this.#parts;
    const { value: count } = library.readUint("nvmlDeviceGetCount_v2");
    if (count === undefined) return;
    const silent: MissingGpu[] = [];
    for (let index = 0; index < count; index++) {
      const handle = library.readPointer("nvmlDeviceGetHandleByIndex_v2", index);
      const uuid = this.#whoIsAt(handle);
      if (handle.value !== undefined && uuid.value !== undefined) this.#take(handle.value, { index, uuid: uuid.value });
      else silent.push({ index, returnCode: uuid.code });
    }
    this.#missing = this.#attribute(silent);
  }

  #take(handle: bigint, known: Pick<GpuInfo, "uuid" | "index">): void {
    const device = this.#devices.get(known.uuid);
    if (device !== undefined) {
      device.handle = handle;
      return;
    }
    const driverEpoch = this.#driverEpoch;
    const info = readInfo(this.#parts.library, handle, known);
    const epoch = gpuEpoch(driverEpoch, known.uuid, undefined);
    const fresh = this.#toDevice({ info, health: "ok", driverEpoch, epoch, energy: undefined });
    this.#devices.set(known.uuid, { ...fresh, handle });
  }

  /** The silent places that belong to no GPU seen before. Places may have moved: one for each known GPU that is away. */
  #attribute(silent: readonly MissingGpu[]): readonly MissingGpu[] {
    const away = this.devices.filter(({ handle }) => handle === undefined);
    const atPlace = (index: number) => away.find(({ info }) => info.index === index);
    for (const { index, returnCode } of silent) {
      const device = atPlace(index);
      if (device !== undefined) noteFault(device, returnCode);
    }
    const others = silent.filter(({ index }) => atPlace(index) === undefined);
    const moved = away.length - (silent.length - others.length);
    return others.slice(moved);
  }

  #findKnown(device: Device): void {
    const handle = this.#atPlaceOf(device.info);
    const uuid = this.#whoIsAt(handle);
    device.handle = uuid.value === device.info.uuid ? handle.value : undefined;
    noteFault(device, uuid.code);
  }

  #atPlaceOf({ index, pciBusId }: GpuInfo): Answer<bigint> {
    const { library } = this.#parts;
    const byBus: Answer<bigint> =
      pciBusId === undefined
        ? { code: FUNCTION_NOT_FOUND }
        : library.readPointer("nvmlDeviceGetHandleByPciBusId_v2", pciBusId);
    if (byBus.code !== FUNCTION_NOT_FOUND || this.#without.includes(index)) return byBus;
    return library.readPointer("nvmlDeviceGetHandleByIndex_v2", index);
  }

  #whoIsAt({ code, value: handle }: Answer<bigint>): Answer<GpuUuid> {
    return handle === undefined ? { code } : readUuid(this.#parts.library, handle);
  }

  #toDevice(gpu: KnownGpu): Device {
    return {
      ...gpu,
      handle: undefined,
      slow: {},
      graphics: undefined,
      shares: new Map(),
      sharesSeen: 0,
      slowDue: millis(0),
      sleepFile: findSleepFile(this.#parts.files, gpu.info.pciBusId),
    };
  }
}

function noteFault(device: Device, code: number): void {
  const fault = faultOf(code);
  if (fault === "lost" || fault === "reset-required") device.health = fault;
}
