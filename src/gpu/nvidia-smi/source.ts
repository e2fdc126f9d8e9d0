import type { GpuUuid } from "../../ledger/rows.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, minutes, seconds } from "../../units/time.ts";
import { GpuError } from "../errors.ts";
import { type MachineFiles, readText } from "../machine-files.ts";
import type { GpuHealth, GpuInfo, GpuReading, GpuSource, ReleaseOutcome } from "../source.ts";
import { NvidiaSmiError } from "./errors.ts";
import type { InventoryReader } from "./inventory.ts";
import type { RunningQuery } from "./launch.ts";
import { QueryLoop } from "./loop.ts";
import type { LoggedGpu } from "./parse-xml.ts";
import type { QueryLine } from "./query.ts";
import type { GpuSample } from "./sample.ts";

interface Known {
  readonly info: GpuInfo;
  sample: GpuSample;
  sampled: Millis;
}

export interface NvidiaSmiSourceParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: MachineFiles;
  /** How often the running query prints. */
  readonly period: Millis;
  /** Has read a log. */
  readonly reader: InventoryReader;
  readonly launch: (args: readonly string[]) => Promise<RunningQuery | string>;
}

const NEVER = millis(Number.NEGATIVE_INFINITY);
/** While the full log is read, the driver lets other questions wait. */
const SHORTEST_STALL = seconds(3);
/** Older slow facts say nothing about now. */
const LOG_HOLDS = minutes(2.5);

/** Only the query's lines and `#learn` write what is known; a GPU once seen stays known, so that its loss is told. */
export class NvidiaSmiSource implements GpuSource {
  readonly kind = "nvidia-smi";
  readonly #parts: NvidiaSmiSourceParts;
  readonly #clock: Clock;
  readonly #reader: InventoryReader;
  readonly #known = new Map<GpuUuid, Known>();
  readonly #stallAfter: Millis;
  readonly #bootId: string;
  readonly #closing = new AbortController();
  #driverVersion: string | undefined;
  #learned: Millis | undefined;
  /** Undefined while the driver is let go of. */
  #loop: QueryLoop | undefined;

  constructor(parts: NvidiaSmiSourceParts) {
    const { clock, files, period, reader } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#reader = reader;
    this.#stallAfter = millis(Math.max(3 * period, SHORTEST_STALL));
    this.#bootId = readText(files.proc, "sys/kernel/random/boot_id") ?? "boot";
    this.#learn();
    this.#loop = this.#startLoop();
  }

  get driverVersion(): string | undefined {
    return this.#driverVersion;
  }

  async list(signal: AbortSignal): Promise<readonly GpuInfo[]> {
    this.#refuseClosed();
    await this.#reader.refresh(signal);
    signal.throwIfAborted();
    this.#learn();
    return [...this.#known.values()].map(({ info }) => info).sort((a, b) => a.index - b.index);
  }

  read(uuid: GpuUuid, signal: AbortSignal): Promise<GpuReading> {
    return new Promise((resolve) => {
      signal.throwIfAborted();
      this.#refuseClosed();
      const known = this.#known.get(uuid);
      if (known === undefined)
        throw new GpuError(`no GPU ${uuid}`, {
          code: "ERR_GPU_UNKNOWN",
          uuid,
          mend: "list the GPUs with: rigshift gpus",
        });
      // Never awaited: the full log takes seconds on a large rig, and `refresh` does not reject.
      void this.#reader.refresh(this.#closing.signal);
      this.#learn();
      resolve(this.#toReading(uuid, known));
    });
  }

  /** Both programs must end: each keeps the driver in use while it runs. */
  async release(): Promise<ReleaseOutcome> {
    const loop = this.#loop;
    this.#loop = undefined;
    for (const known of this.#known.values()) known.sampled = NEVER;
    const ended = await Promise.all([this.#reader.hold(), loop?.close() ?? true]);
    return ended.includes(false) ? { kind: "held", gpus: [...this.#known.keys()] } : { kind: "released" };
  }

  resume(): Promise<void> {
    if (this.#loop !== undefined || this.#closing.signal.aborted) return Promise.resolve();
    this.#reader.goOn();
    this.#loop = this.#startLoop();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#reader.close();
    await this.#loop?.close();
  }

  #startLoop(): QueryLoop {
    const { clock, logger, period, launch } = this.#parts;
    const loop = new QueryLoop({
      clock,
      logger,
      period,
      stallAfter: this.#stallAfter,
      backoff: createBackoff(seconds(1), minutes(1)),
      launch,
      onReading: (line) => this.#take(line),
    });
    loop.start();
    return loop;
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted)
      throw new NvidiaSmiError("this source is closed", { code: "ERR_NVIDIA_SMI_CLOSED" });
  }

  #toReading(uuid: GpuUuid, { sample, sampled }: Known): GpuReading {
    const monotonic = this.#clock.monotonic();
    const isFresh = monotonic - sampled <= this.#stallAfter;
    const logged = this.#loop === undefined ? "unknown" : this.#loggedNow(uuid, monotonic);
    const driverVersion = isFresh ? this.#driverVersion : undefined;
    return {
      uuid,
      at: this.#clock.now(),
      monotonic,
      epoch: `${this.#bootId}/${this.#driverVersion ?? "driver"}`,
      ...(isFresh ? sample : {}),
      health: this.#healthOf(isFresh ? sample.health : undefined, logged),
      ...(driverVersion === undefined ? {} : { driverVersion }),
      ...(isFresh && logged !== "unknown" && logged?.processes ? { processes: logged.processes } : {}),
    };
  }

  /** This GPU in the newest log; undefined when that log has it no more, "unknown" when there is no log of late. */
  #loggedNow(uuid: GpuUuid, now: Millis): LoggedGpu | "unknown" | undefined {
    const { look, fault } = this.#reader;
    if (fault?.facts.code === "ERR_NVIDIA_SMI_NO_GPU") return undefined;
    if (look === undefined || now - look.monotonic > LOG_HOLDS) return "unknown";
    return look.inventory.gpus.find(({ info }) => info.uuid === uuid);
  }

  /** What the running query says is newer than the log, but only some drivers tell it that a reset is due. */
  #healthOf(sampled: GpuHealth | undefined, logged: LoggedGpu | "unknown" | undefined): GpuHealth {
    if (sampled !== undefined && sampled !== "ok") return sampled;
    if (logged === undefined) return sampled ?? "lost";
    if (logged === "unknown") return sampled ?? "unknown";
    const { health } = logged.sample;
    if (health === "reset-required") return health;
    return sampled ?? (health === "ok" ? "unknown" : health);
  }

  #learn(): void {
    const { look } = this.#reader;
    if (look === undefined || look.monotonic === this.#learned) return;
    this.#learned = look.monotonic;
    this.#driverVersion = look.inventory.driverVersion ?? this.#driverVersion;
    for (const { info, sample } of look.inventory.gpus) {
      const before = this.#known.get(info.uuid);
      this.#known.set(info.uuid, before ? { ...before, info } : { info, sample, sampled: look.monotonic });
    }
  }

  #take(line: Extract<QueryLine, { kind: "sample" | "trouble" }>): void {
    const known =
      line.kind === "sample"
        ? this.#known.get(line.uuid)
        : [...this.#known.values()].find(({ info }) => info.pciBusId === line.pciBusId);
    // A GPU that the log does not have yet comes with the next one.
    if (known === undefined) return;
    known.sample = line.kind === "sample" ? line.sample : { health: line.health };
    known.sampled = this.#clock.monotonic();
  }
}
