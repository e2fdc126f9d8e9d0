import type { GpuUuid } from "../../ledger/rows.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, minutes, seconds } from "../../units/time.ts";
import { GpuError } from "../errors.ts";
import { type MachineFiles, readText } from "../machine-files.ts";
import type { GpuHealth, GpuInfo, GpuReading } from "../source.ts";
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

/** While the full log is read, the driver lets other questions wait. */
const SHORTEST_STALL = seconds(3);
/** Older slow facts say nothing about now. */
const LOG_HOLDS = minutes(2.5);

/** Only the query's lines and `#learn` write what is known; a GPU once seen stays known, so that its loss is told. */
export class NvidiaSmiSource {
  readonly #clock: Clock;
  readonly #reader: InventoryReader;
  readonly #loop: QueryLoop;
  readonly #known = new Map<GpuUuid, Known>();
  readonly #stallAfter: Millis;
  readonly #bootId: string;
  readonly #closing = new AbortController();
  #driverVersion: string | undefined;
  #learned: Millis | undefined;

  constructor({ clock, logger, files, period, reader, launch }: NvidiaSmiSourceParts) {
    this.#clock = clock;
    this.#reader = reader;
    this.#stallAfter = millis(Math.max(3 * period, SHORTEST_STALL));
    this.#bootId = readText(files.proc, "sys/kernel/random/boot_id") ?? "boot";
    this.#learn();
    this.#loop = new QueryLoop({
      clock,
      logger,
      period,
      stallAfter: this.#stallAfter,
      backoff: createBackoff(seconds(1), minutes(1)),
      launch,
      onReading: (line) => this.#take(line),
    });
    this.#loop.start();
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

  async close(): Promise<void> {
    this.#closing.abort();
    this.#reader.close();
    await this.#loop.close();
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted)
      throw new NvidiaSmiError("this source is closed", { code: "ERR_NVIDIA_SMI_CLOSED" });
  }

  #toReading(uuid: GpuUuid, { sample, sampled }: Known): GpuReading {
    const monotonic = this.#clock.monotonic();
    const isFresh = monotonic - sampled <= this.#stallAfter;
    const logged = this.#loggedNow(uuid, monotonic);
    return {
      uuid,
      at: this.#clock.now(),
      monotonic,
      epoch: `${this.#bootId}/${this.#driverVersion ?? "driver"}`,
      ...(isFresh ? sample : {}),
      health: this.#healthOf(isFresh ? sample.health : undefined, logged),
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
