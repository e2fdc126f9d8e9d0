import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { millis } from "../../units/time.ts";
import type { WorkExit, WorkTrouble } from "../driver.ts";
import type { Engine } from "./engine.ts";
import { type ContainerEvent, followEvents } from "./events.ts";
import { ProbeRounds } from "./probe-rounds.ts";
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

/** From the news that memory ran out to the end of whatever it ends. */
const OOM_SETTLES = millis(500);

/** Hears what happens to the containers, asks them for their GPUs, and tells those who listen. */
export class Watch {
  readonly #parts: WatchParts;
  readonly #exits = new Set<(exit: WorkExit) => void>();
  readonly #troubles = new Set<(trouble: WorkTrouble) => void>();
  readonly #rounds: ProbeRounds;
  #running: Promise<unknown> | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#rounds = new ProbeRounds({ ...parts, complain: (name, error) => this.complain(name, error) });
  }

  /** The work on `gpu` of which nobody would notice that its container lost it, in words. */
  blindSpots(gpu: string): readonly string[] {
    return this.#rounds.blindSpots(gpu);
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
    this.#running ??= Promise.all([followEvents({ ...this.#parts, onEvent }, signal), this.#rounds.run(signal)]);
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
}
