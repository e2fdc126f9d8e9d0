import type { Clock } from "../lib/clock.ts";
import { isRigError, messageOf, type RigError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { seconds } from "../units/time.ts";
import type {
  AdoptedWork,
  BegunWork,
  ContainerDriver,
  FreezingDriver,
  GpuClaim,
  Readiness,
  WorkExit,
  WorkSpec,
  WorkTrouble,
} from "./driver.ts";

export interface MixedDriverParts {
  readonly processes: FreezingDriver;
  readonly containers: ContainerDriver;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether work of ours is to run in containers. */
  readonly usesContainers: boolean;
  /** Whether an Engine is there to be asked where none is needed; where none is, none is spoken to. */
  readonly hasEngine: () => boolean;
}

/** How long work of an earlier agent may go on before somebody asks for it. */
const UNCLAIMED = seconds(60);
const SURVEY_AGAIN = seconds(5);

/** Each unit of work by the driver for its kind; a name never runs in both. */
export class MixedDriver implements FreezingDriver {
  readonly #parts: MixedDriverParts;
  /** Names that have, or may have, a container. */
  readonly #contained = new Set<string>();
  /** Names that this agent started as processes. */
  readonly #native = new Set<string>();
  readonly #unclaimed = new Map<string, AdoptedWork>();
  readonly #onAdopted = new Set<(work: AdoptedWork) => void>();
  readonly #onSurveyed = new Set<() => void>();
  /** Whether the Engine has told what an earlier agent left. */
  #isSurveyed: boolean;
  #complaint: string | undefined;

  constructor(parts: MixedDriverParts) {
    this.#parts = parts;
    this.#isSurveyed = !parts.usesContainers && !parts.hasEngine();
  }

  async ensureReady(spec: WorkSpec, signal: AbortSignal): Promise<Readiness> {
    const { processes, containers } = this.#parts;
    this.#unclaimed.delete(spec.name);
    if (spec.container === undefined) {
      if (this.#contained.has(spec.name)) await this.discard(spec.name, signal);
      this.#native.add(spec.name);
      return await processes.ensureReady(spec, signal);
    }
    await processes.stop(spec.name, signal);
    this.#native.delete(spec.name);
    this.#contained.add(spec.name);
    return await containers.ensureReady(spec, signal);
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    this.#unclaimed.delete(name);
    const { processes, containers, usesContainers } = this.#parts;
    if (this.#contained.has(name)) await containers.stop(name, signal);
    if (this.#contained.has(name) && !this.#native.has(name)) return;
    await processes.stop(name, signal);
    // Until the Engine has told, it may have a container of this name.
    if (usesContainers && !this.#isSurveyed && !this.#native.has(name)) await containers.stop(name, signal);
  }

  pause(name: string, signal: AbortSignal): Promise<void> {
    return this.#of(name).pause(name, signal);
  }

  resume(name: string, signal: AbortSignal): Promise<void> {
    return this.#of(name).resume(name, signal);
  }

  async discard(name: string, signal: AbortSignal): Promise<void> {
    if (!this.#contained.has(name)) return await this.stop(name, signal);
    this.#unclaimed.delete(name);
    await this.#parts.containers.discard(name, signal);
    this.#contained.delete(name);
  }

  onExit(listener: (exit: WorkExit) => void): void {
    this.#parts.processes.onExit(listener);
    this.#parts.containers.onExit(listener);
  }

  onBegun(listener: (work: BegunWork) => void): void {
    this.#parts.processes.onBegun?.(listener);
    this.#parts.containers.onBegun?.(listener);
  }

  /** Called for every container of an earlier agent: as it was found, and once more when it was stopped unclaimed. */
  onAdopted(listener: (work: AdoptedWork) => void): void {
    this.#onAdopted.add(listener);
  }

  /** Called once all that an earlier agent left was told of: at once where that is so, or where there is no Engine. */
  onSurveyed(listener: () => void): void {
    if (this.#isSurveyed) listener();
    else this.#onSurveyed.add(listener);
  }

  #tell(work: AdoptedWork): void {
    for (const listener of this.#onAdopted) listener(work);
  }

  /** Nothing where there is no Engine. */
  gpuClaims(signal: AbortSignal): Promise<readonly GpuClaim[]> {
    const { usesContainers, hasEngine, containers } = this.#parts;
    return usesContainers || hasEngine() ? containers.gpuClaims(signal) : Promise.resolve([]);
  }

  /** What may run that nobody could look for, in words; empty where containers are not used, or the Engine has told. */
  get untold(): readonly string[] {
    const { usesContainers } = this.#parts;
    return usesContainers && !this.#isSurveyed ? ["what the Docker Engine never told of"] : [];
  }

  blindSpots(gpu: string): readonly string[] {
    return this.#parts.containers.blindSpots(gpu);
  }

  /** Only containers are watched from outside while they run. */
  onTrouble(listener: (trouble: WorkTrouble) => void): void {
    this.#parts.containers.onTrouble(listener);
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.processes.close(), this.#parts.containers.close()]);
  }

  /**
   * Finds what an earlier agent left in containers, again and again until the Engine answers, and stops what nobody
   * asked for a minute later. Resolves then, or when `signal` fires.
   */
  async tendLeftovers(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    if (this.#isSurveyed) return;
    while (!(await this.#adopt(signal))) {
      await clock.wait(SURVEY_AGAIN, signal);
      if (signal.aborted) return;
    }
    await clock.wait(UNCLAIMED, signal);
    if (signal.aborted) return;
    for (const work of [...this.#unclaimed.values()]) await this.#stopUnclaimed(work, signal);
  }

  #of(name: string): FreezingDriver {
    return this.#contained.has(name) && !this.#native.has(name) ? this.#parts.containers : this.#parts.processes;
  }

  async #adopt(signal: AbortSignal): Promise<boolean> {
    const { containers, logger } = this.#parts;
    try {
      for (const work of await containers.adopt(signal)) {
        const { name, state, container } = work;
        if (state !== "stopped") logger.info("found work of an earlier agent", { work: name, state, container });
        if (state !== "stopped" && !this.#contained.has(name)) this.#unclaimed.set(name, work);
        this.#contained.add(name);
        this.#tell(work);
      }
      this.#surveyed();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (!isRigError(error)) throw error;
      if (this.#isNoneOfOurs(error)) this.#surveyed();
      else this.#complain(messageOf(error));
      return this.#isSurveyed;
    }
  }

  #surveyed(): void {
    this.#isSurveyed = true;
    for (const listener of this.#onSurveyed) listener();
  }

  /** Whoever may not speak to the Engine has never had a container of it. */
  #isNoneOfOurs(error: RigError): boolean {
    const { usesContainers, hasEngine } = this.#parts;
    return !usesContainers && (error.facts.code === "ERR_DOCKER_PERMISSION" || !hasEngine());
  }

  #complain(reason: string): void {
    const { logger, usesContainers } = this.#parts;
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    const words = "containers of an earlier agent cannot be looked for";
    if (usesContainers) logger.warn(words, { reason });
    else logger.debug(words, { reason });
  }

  async #stopUnclaimed(work: AdoptedWork, signal: AbortSignal): Promise<void> {
    const { containers, logger } = this.#parts;
    const { name } = work;
    try {
      logger.warn("stopping work of an earlier agent that nobody wants", { work: name });
      await containers.stop(name, signal);
      this.#tell({ ...work, state: "stopped" });
    } catch (error) {
      if (!isRigError(error)) throw error;
      logger.error("work of an earlier agent cannot be stopped", { work: name, reason: messageOf(error) });
    }
  }
}
