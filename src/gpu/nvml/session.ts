import type { GpuUuid } from "../../ledger/rows.ts";
import { type Backoff, createBackoff } from "../../lib/backoff.ts";
import { systemClock } from "../../lib/clock.ts";
import { type Millis, millis } from "../../units/time.ts";
import { GpuError } from "../errors.ts";
import type { MachineFiles } from "../machine-files.ts";
import type { ControlOutcome, GpuSettings } from "../source.ts";
import { GpuController } from "./control.ts";
import type { Device } from "./device.ts";
import { DeviceReader, type Look, type Values } from "./device-reader.ts";
import { driverEpoch, gpuEpoch } from "./epoch.ts";
import { EventWatch, type Xid } from "./events.ts";
import type { NvmlLibrary } from "./library.ts";
import type { Handover, KnownGpu, RawReading, SessionFacts, Wish } from "./protocol.ts";
import { type Fault, faultOf, SUCCESS } from "./returns.ts";
import { Roster } from "./roster.ts";

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
  readonly #roster: Roster;
  readonly #control: GpuController;
  readonly #backoff: Backoff;
  #reader: DeviceReader | undefined;
  #driverVersion: string | undefined;
  #driverEpoch = "";
  #events: EventWatch | undefined;
  #isOpen = false;
  #isStale = false;
  #retryAt: Millis | undefined;
  #hasNews = true;

  constructor(parts: SessionParts, handover: Handover) {
    this.#parts = parts;
    this.#roster = new Roster(parts, handover);
    this.#control = new GpuController(parts.library);
    this.#backoff = createBackoff(...parts.retry);
  }

  /** Opens the session and finds the GPUs, those known and new ones. */
  open(): void {
    const code = this.#begin();
    if (code === SUCCESS) return;
    throw new GpuError(`the NVIDIA driver refused a session (NVML return code ${code})`, {
      code: "ERR_GPU_NVML_UNAVAILABLE",
      mend: "check that the driver is loaded and of the library's version: nvidia-smi must answer",
    });
  }

  /** Opens anew when a GPU is away and its time has come. Readings of the others wait for it. */
  async recover(now: Millis): Promise<void> {
    if (this.#roster.isWhole) this.#retryAt = undefined;
    else this.#retryAt ??= this.#nextTry(now);
    if (this.#retryAt === undefined || now < this.#retryAt) return;
    await this.#end();
    this.#begin();
    this.#retryAt = this.#roster.isWhole ? undefined : this.#nextTry(now);
  }

  /** Undefined for a GPU that this session does not know. */
  read(uuid: GpuUuid, now: Millis): RawReading | undefined {
    const device = this.#roster.get(uuid);
    if (device === undefined) return undefined;
    const { handle } = device;
    if (handle === undefined || this.#reader === undefined) return toRaw(device, { values: {} });
    const look = this.#reader.read(device, handle, now);
    if (typeof look === "string") {
      this.#onFault(device, look);
      this.#retryAt ??= this.#nextTry(now);
      return toRaw(device, { values: {} });
    }
    this.#followCounter(device, look.values);
    if (device.health !== "ok") this.#backoff.reset();
    device.health = "ok";
    return toRaw(device, look);
  }

  /** Empty for a GPU that cannot be asked now. */
  readSettings(uuid: GpuUuid): GpuSettings {
    const handle = this.#roster.get(uuid)?.handle;
    return handle === undefined ? {} : this.#control.read(handle);
  }

  /** The next reading tells what became of the limit. */
  apply(uuid: GpuUuid, wish: Wish): ControlOutcome {
    const device = this.#roster.get(uuid);
    if (device?.handle === undefined) return { kind: "unavailable" };
    device.slowDue = millis(0);
    return this.#control.apply(device.handle, wish);
  }

  /** What the agent should know of the session; empty while that is what was told last. */
  tellNews(): { readonly facts?: SessionFacts } {
    if (!this.#hasNews) return {};
    this.#hasNews = false;
    const facts = {
      gpus: this.#roster.devices.map(toKnown),
      missing: this.#roster.missing,
      driverEpoch: this.#driverEpoch,
      isStale: this.#isStale,
      ...(this.#driverVersion === undefined ? {} : { driverVersion: this.#driverVersion }),
    };
    return { facts };
  }

  /** Ends the session; nothing of it stays open. */
  async close(): Promise<void> {
    await this.#end();
    this.#parts.library.unload();
  }

  #begin(): number {
    const { library, files, slowEvery, opened } = this.#parts;
    this.#hasNews = true;
    const code = library.call("nvmlInit_v2");
    if (faultOf(code) === "library") this.#isStale = true;
    if (code !== SUCCESS) return code;
    this.#isOpen = true;
    this.#driverVersion = library.readText("nvmlSystemGetDriverVersion").value;
    this.#driverEpoch = driverEpoch(files, this.#driverVersion, opened);
    this.#roster.enterEpoch(this.#driverEpoch);
    this.#reader = new DeviceReader({ library, files, slowEvery, driverVersion: this.#driverVersion });
    this.#roster.find();
    this.#watchEvents();
    return code;
  }

  async #end(): Promise<void> {
    await this.#events?.stop();
    this.#events = undefined;
    this.#roster.forgetHandles();
    if (this.#isOpen) this.#parts.library.call("nvmlShutdown");
    this.#isOpen = false;
  }

  #nextTry(now: Millis): Millis {
    return millis(now + this.#backoff.next());
  }

  #watchEvents(): void {
    const { library, onXid } = this.#parts;
    const handles = new Map<bigint, GpuUuid>();
    for (const { handle, info } of this.#roster.devices) if (handle !== undefined) handles.set(handle, info.uuid);
    this.#events = handles.size > 0 ? new EventWatch(library, handles, onXid) : undefined;
  }

  #onFault(device: Device, fault: Fault): void {
    const isOfAll = fault === "session" || fault === "library";
    if (fault === "library") this.#isStale = true;
    this.#hasNews ||= this.#isStale;
    for (const one of isOfAll ? this.#roster.devices : [device]) {
      one.handle = undefined;
      one.health = isOfAll ? "unknown" : fault;
    }
  }

  #followCounter(device: Device, { energy }: Values): void {
    if (energy === undefined) return;
    // A falling counter was reset, by a GPU reset or in a way that the module's folder did not show.
    if (device.energy !== undefined && energy < device.energy) {
      device.epoch = gpuEpoch(device.driverEpoch, device.info.uuid, systemClock.now());
    }
    device.energy = energy;
  }
}

const toKnown = ({ info, health, driverEpoch, epoch, energy }: Device): KnownGpu => ({
  info,
  health,
  driverEpoch,
  epoch,
  energy,
});

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
