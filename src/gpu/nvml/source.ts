import type { GpuUuid } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, seconds, type UnixMs, unixMs } from "../../units/time.ts";
import { GpuError } from "../errors.ts";
import { type MachineFiles, machineFiles } from "../machine-files.ts";
import type { GpuControl, GpuEvent, GpuInfo, GpuReading, GpuSource, MissingGpu, ReleaseOutcome } from "../source.ts";
import { machineTime } from "./device-reader.ts";
import { Driver } from "./driver.ts";
import { libraryNames } from "./library.ts";
import type { KnownGpu, RawReading } from "./protocol.ts";

export interface NvmlParts {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** The library's file; absent: where drivers install it. */
  readonly library?: string;
  readonly files?: MachineFiles;
  /** Temperature, fan and limit are not read more often than this. */
  readonly slowEvery?: Millis;
  /** The first and the longest wait between two tries to find a lost GPU again. */
  readonly retry?: readonly [Millis, Millis];
  /** A call without an answer for this long hangs. */
  readonly hangAfter?: Millis;
}

const SLOW_EVERY = seconds(1);
const RETRY = [seconds(1), seconds(300)] as const;
const HANG_AFTER = seconds(2);

/**
 * Opens the driver's library and finds its GPUs; throws `ERR_GPU_NVML_UNAVAILABLE` where there are none. The driver is
 * called on a thread of its own, so that a slow call holds nobody up.
 */
export async function openNvml(parts: NvmlParts): Promise<GpuSource> {
  const source = new NvmlSource(parts);
  await source.open();
  return source;
}

/** One GPU, and the newest that is known about it. */
interface Gpu {
  readonly info: GpuInfo;
  seen: Pick<GpuReading, "epoch" | "health">;
}

/** When an order was sent and answered, by the agent's clocks and the machine's. */
interface Times {
  readonly sent: Millis;
  readonly received: Millis;
  readonly now: UnixMs;
  readonly machine: Millis;
}

interface Asked {
  readonly promise: Promise<GpuReading>;
  readonly resolve: (reading: GpuReading) => void;
}

/** Gathers the reads of one turn of the event loop into one order for the driver; only it writes its state. */
class NvmlSource implements GpuSource {
  readonly kind = "nvml";
  readonly control: GpuControl = {
    readSettings: (uuid, signal) => this.#about(uuid, signal, () => this.#driver.readSettings(uuid)),
    setPowerLimit: (uuid, limit, signal) =>
      this.#about(uuid, signal, () => this.#driver.control(uuid, { set: "power-limit", limit }, signal)),
    lockClocks: (uuid, lock, signal) =>
      this.#about(uuid, signal, () => this.#driver.control(uuid, { set: "clock-lock", lock }, signal)),
    resetClocks: (uuid, domain, signal) =>
      this.#about(uuid, signal, () => this.#driver.control(uuid, { set: "clock-reset", domain }, signal)),
  };
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #driver: Driver;
  readonly #gpus = new Map<GpuUuid, Gpu>();
  readonly #listeners = new Set<(event: GpuEvent) => void>();
  #asked = new Map<GpuUuid, Asked>();
  #isReading = false;
  #isOpen = false;

  constructor(parts: NvmlParts) {
    const { clock, logger, library, files = machineFiles, slowEvery = SLOW_EVERY, retry = RETRY, hangAfter } = parts;
    const libraries = library === undefined ? libraryNames(process.platform) : [library];
    this.#clock = clock;
    this.#logger = logger;
    this.#driver = new Driver({
      clock,
      hangAfter: hangAfter ?? HANG_AFTER,
      options: { libraries, files, slowEvery, retry, opened: String(clock.now()) },
      onXid: ({ uuid, number }) => this.#tell({ kind: "xid", uuid, at: clock.now(), xid: number }),
      onFound: (gpu) => this.#onFound(gpu),
    });
  }

  get driverVersion(): string | undefined {
    return this.#driver.driverVersion;
  }

  get missing(): readonly MissingGpu[] {
    return this.#driver.missing;
  }

  async open(): Promise<void> {
    await this.#driver.open();
    this.#isOpen = true;
    for (const gpu of this.missing) this.#logger?.warn("the driver counts a GPU that does not answer", { ...gpu });
  }

  list(signal: AbortSignal): Promise<readonly GpuInfo[]> {
    const infos = [...this.#gpus.values()].map(({ info }) => info).sort((a, b) => a.index - b.index);
    return orAbort(Promise.resolve(infos), signal);
  }

  read(uuid: GpuUuid, signal: AbortSignal): Promise<GpuReading> {
    if (!this.#gpus.has(uuid)) return Promise.reject(unknown(uuid));
    const asked = this.#asked.get(uuid) ?? Promise.withResolvers<GpuReading>();
    this.#asked.set(uuid, asked);
    if (!this.#isReading) {
      this.#isReading = true;
      setImmediate(() => void this.#readAsked());
    }
    return orAbort(asked.promise, signal);
  }

  onEvent(listener: (event: GpuEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  release(): Promise<ReleaseOutcome> {
    return this.#driver.release();
  }

  resume(): Promise<void> {
    return this.#driver.resume();
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#driver.close();
  }

  #about<T>(uuid: GpuUuid, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    if (!this.#gpus.has(uuid)) return Promise.reject(unknown(uuid));
    // Nothing is set for somebody who does not want it any more.
    return signal.aborted ? Promise.reject(signal.reason) : orAbort(ask(), signal);
  }

  #onFound({ info, epoch, health }: KnownGpu): void {
    this.#gpus.set(info.uuid, { info, seen: { epoch, health } });
    if (!this.#isOpen) return;
    this.#logger?.warn("a GPU that was missing answers", { index: info.index, uuid: info.uuid, name: info.name });
  }

  async #readAsked(): Promise<void> {
    while (this.#asked.size > 0) {
      const asked = this.#asked;
      this.#asked = new Map();
      const sent = this.#clock.monotonic();
      const readings = await this.#driver.read([...asked.keys()]);
      const times = { sent, received: this.#clock.monotonic(), now: this.#clock.now(), machine: machineTime() };
      for (const raw of readings) {
        asked.get(raw.reading.uuid)?.resolve(this.#stamp(raw, times));
        asked.delete(raw.reading.uuid);
      }
      for (const [uuid, { resolve }] of asked) resolve(this.#absent(uuid, times));
    }
    this.#isReading = false;
  }

  /** With the time at which the thread read it, which lies between asking and hearing. */
  #stamp({ reading, takenAt }: RawReading, { sent, received, now, machine }: Times): GpuReading {
    const age = takenAt === undefined ? 0 : Math.min(received - sent, Math.max(0, machine - takenAt));
    const { driverVersion } = this.#driver;
    const stamped = {
      ...reading,
      at: unixMs(Math.round(now - age)),
      monotonic: millis(received - age),
      ...(takenAt === undefined || driverVersion === undefined ? {} : { driverVersion }),
    };
    const gpu = this.#gpus.get(reading.uuid);
    if (gpu === undefined) return stamped;
    const { uuid, at, health } = stamped;
    if (health !== gpu.seen.health) this.#tell({ kind: "health", uuid, at, health });
    gpu.seen = stamped;
    return stamped;
  }

  /** The GPU is unknown and everything else absent. */
  #absent(uuid: GpuUuid, times: Times): GpuReading {
    const epoch = this.#gpus.get(uuid)?.seen.epoch ?? "";
    return this.#stamp({ reading: { uuid, epoch, health: "unknown" } }, times);
  }

  #tell(event: GpuEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function unknown(uuid: GpuUuid): GpuError {
  const mend = "list the devices with: rigshift gpus";
  return new GpuError(`no GPU ${uuid}`, { code: "ERR_GPU_UNKNOWN", uuid, mend });
}

function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then((value) => {
      signal.removeEventListener("abort", onAbort);
      resolve(value);
    });
  });
}
