import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { millis, minutes, seconds } from "../../units/time.ts";
import type { WorkExit, WorkTrouble } from "../driver.ts";
import type { Engine } from "./engine.ts";
import { type ContainerEvent, followEvents } from "./events.ts";
import { lossOf } from "./gpu-probe.ts";
import { runInside } from "./inside.ts";
import type { Unit } from "./units.ts";

export interface WatchParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rig: string;
  readonly units: () => readonly Unit[];
  /** The Engine is there, perhaps again, perhaps another one. */
  readonly onConnected: () => void;
  /** Something happened to this work: it must be looked after. */
  readonly onNews: (name: string) => void;
  /** Its container cannot use its GPU any more. */
  readonly onGpuLost: (unit: Unit, loss: string) => Promise<void>;
}

const PROBE_EVERY = minutes(1);
const PROBE_AGAIN = seconds(5);
/** From the news that memory ran out to the end of whatever it ends. */
const OOM_SETTLES = millis(500);

/** Hears what happens to the containers, asks them for their GPUs, and tells those who listen. */
export class Watch {
  readonly #parts: WatchParts;
  readonly #exits = new Set<(exit: WorkExit) => void>();
  readonly #troubles = new Set<(trouble: WorkTrouble) => void>();
  #running: Promise<unknown> | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  onExit(listener: (exit: WorkExit) => void): void {
    this.#exits.add(listener);
  }

  onTrouble(listener: (trouble: WorkTrouble) => void): void {
    this.#troubles.add(listener);
  }

  /** Watches until `signal` fires; a second call does nothing. */
  start(signal: AbortSignal): void {
    const onEvent = (event: ContainerEvent) => this.#heed(event, signal);
    this.#running ??= Promise.all([followEvents({ ...this.#parts, onEvent }, signal), this.#probeGpus(signal)]);
  }

  async ended(): Promise<void> {
    await this.#running;
  }

  /** Once for every GPU that the work was on. */
  tellExit({ name, gpus, role }: Unit, reason: string, cause?: WorkExit["cause"]): void {
    for (const gpu of gpus) {
      const exit: WorkExit = { name, gpu, role, reason, ...(cause === undefined ? {} : { cause }) };
      for (const listener of this.#exits) this.#safely(name, () => listener(exit));
    }
  }

  complain(name: string, error: unknown): void {
    this.#parts.logger.error("a container could not be looked after", { work: name, reason: messageOf(error) });
  }

  #heed({ kind, container }: ContainerEvent, signal: AbortSignal): void {
    const { units, onNews, clock } = this.#parts;
    const unit = units().find((one) => one.container === container);
    if (unit === undefined) return;
    const { name, role, gpus } = unit;
    switch (kind) {
      case "ended":
        onNews(name);
        break;
      case "unhealthy":
        this.#worry({ name, role, gpus, kind, reason: "its health check fails" });
        break;
      case "out-of-memory": {
        const reason = "the kernel ended one of its processes for want of memory";
        void clock.wait(OOM_SETTLES, signal).then(() => {
          if (units().includes(unit)) this.#worry({ name, role, gpus, kind: "oom", reason });
        });
      }
    }
  }

  #worry(trouble: WorkTrouble): void {
    this.#parts.logger.warn("work is in trouble", { work: trouble.name, reason: trouble.reason });
    for (const listener of this.#troubles) this.#safely(trouble.name, () => listener(trouble));
  }

  #safely(name: string, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.complain(name, error);
    }
  }

  /** Devices can vanish from inside a running container; only a program inside sees that. */
  async #probeGpus(signal: AbortSignal): Promise<void> {
    const { clock, units } = this.#parts;
    for (;;) {
      await clock.wait(PROBE_EVERY, signal);
      if (signal.aborted) return;
      for (const unit of units()) {
        await this.#probeGpu(unit, signal).catch((error) => {
          if (!signal.aborted) this.complain(unit.name, error);
        });
      }
    }
  }

  /** Once can be chance: a driver that is busy answers late. */
  async #probeGpu(unit: Unit, signal: AbortSignal): Promise<void> {
    const { clock, engine, onGpuLost } = this.#parts;
    const { probe, container } = unit;
    if (probe === undefined) return;
    const ask = async () => lossOf(probe, await runInside(engine, container, probe.command, signal));
    if ((await ask()) === undefined) return;
    await clock.wait(PROBE_AGAIN, signal);
    const loss = await ask();
    if (loss !== undefined) await onGpuLost(unit, loss);
  }
}
