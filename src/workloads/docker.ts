import type { Clock } from "../lib/clock.ts";
import { isRigError, messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { millis, seconds } from "../units/time.ts";
import { engineAddress } from "./docker/address.ts";
import { Containers, type Found } from "./docker/containers.ts";
import { endingOf } from "./docker/ending.ts";
import { Engine, type EngineTimeouts } from "./docker/engine.ts";
import { EngineFacts } from "./docker/engine-facts.ts";
import { GpuClaims } from "./docker/gpu-claims.ts";
import { gpuProbeOf } from "./docker/gpu-probe.ts";
import type { ImagePolicy } from "./docker/image-policy.ts";
import type { PullProgress } from "./docker/images.ts";
import { readLogs, runInside } from "./docker/inside.ts";
import { Lanes } from "./docker/lanes.ts";
import { type MinerAccess, MinerNetwork } from "./docker/miner-network.ts";
import { type ContainerSpec, checkSpec } from "./docker/part-schema.ts";
import { awaitReady, type Reached } from "./docker/readiness.ts";
import { SocketVolumes } from "./docker/socket-volumes.ts";
import { Starter } from "./docker/starter.ts";
import { StatsFeeds } from "./docker/stats.ts";
import { isSameRun, toAdopted, toUnit, type Unit } from "./docker/units.ts";
import { Watch, type WatchParts } from "./docker/watch.ts";
import type {
  AdoptedWork,
  BegunWork,
  ContainerDriver,
  EngineLook,
  GpuClaim,
  ProbeResult,
  Readiness,
  WorkExit,
  WorkSpec,
  WorkStats,
  WorkTrouble,
} from "./driver.ts";
import { ContainerError } from "./errors.ts";
import { printable } from "./lines.ts";
import { unlessAborted } from "./unless-aborted.ts";

export interface DockerDriverParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names the containers that are ours. */
  readonly rig: string;
  /** The agent's own environment, for `DOCKER_HOST` and its companions. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Instead of `DOCKER_HOST`. */
  readonly host?: string;
  readonly images: ImagePolicy;
  /** Absent where nothing is mined. */
  readonly miners?: MinerAccess;
  readonly timeouts?: EngineTimeouts;
  readonly onPull?: (progress: PullProgress) => void;
}

/** Runs work in containers of the Docker Engine; they outlive this process and are adopted by the next one. */
export const createDockerDriver = (parts: DockerDriverParts): ContainerDriver => new DockerDriver(parts);

const LONGEST_REASON = 300;

/** Only code in a name's lane writes its entry of `#units`; the Engine, not this map, knows what exists. */
class DockerDriver implements ContainerDriver {
  readonly #parts: DockerDriverParts;
  readonly #engine: Engine;
  readonly #containers: Containers;
  readonly #claims: GpuClaims;
  readonly #facts: EngineFacts;
  readonly #network: MinerNetwork;
  readonly #starter: Starter;
  readonly #sockets: SocketVolumes;
  readonly #stats: StatsFeeds;
  readonly #lanes = new Lanes();
  readonly #units = new Map<string, Unit>();
  readonly #watch: Watch;
  readonly #begun = new Set<(work: BegunWork) => void>();
  readonly #closed = new AbortController();

  constructor(parts: DockerDriverParts) {
    const { clock, logger, rig, env, host, images, miners, timeouts, onPull = () => {} } = parts;
    this.#parts = parts;
    this.#engine = new Engine(() => engineAddress(env, host), clock, timeouts);
    this.#containers = new Containers(this.#engine, rig);
    this.#claims = new GpuClaims({ engine: this.#engine, rig, clock, logger });
    this.#facts = new EngineFacts(this.#engine);
    this.#network = new MinerNetwork(this.#engine, miners);
    this.#stats = new StatsFeeds(this.#engine, clock);
    this.#sockets = new SocketVolumes({ engine: this.#engine, containers: this.#containers, rig, logger });
    this.#starter = new Starter({
      sockets: this.#sockets,
      engine: this.#engine,
      containers: this.#containers,
      facts: this.#facts,
      network: this.#network,
      rig,
      policy: images,
      logger,
      onPull,
    });
    this.#watch = new Watch(this.#watchParts());
  }

  #watchParts(): WatchParts {
    return {
      engine: this.#engine,
      ...this.#parts,
      units: () => [...this.#units.values()],
      onConnected: () => {
        this.#facts.forget();
        for (const name of this.#units.keys()) this.#lookSoon(name);
      },
      onNews: (name) => this.#lookSoon(name),
      onGpuLost: (unit, loss) => this.#lanes.run(unit.name, () => this.#dropLost(unit, loss)),
    };
  }

  async ensureReady(spec: WorkSpec, signal: AbortSignal): Promise<Readiness> {
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    if (stop.aborted) return ABORTED;
    try {
      checkSpec(spec);
      this.#watch.start(this.#closed.signal);
      const start = this.#lanes.start(spec.name, stop, (cut) => this.#ensure(spec, cut));
      const readiness = await unlessAborted(start, stop);
      return readiness === "aborted" ? ABORTED : readiness;
    } catch (error) {
      return toFailure(error);
    }
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    this.#lanes.cut(name);
    await this.#lanes.run(name, () => this.#stop(name, signal));
  }

  async discard(name: string, signal: AbortSignal): Promise<void> {
    this.#lanes.cut(name);
    await this.#lanes.run(name, async () => {
      const found = await this.#stop(name, signal);
      if (found !== undefined) await this.#starter.remove(name, { ...found, state: "exited" }, signal);
    });
  }

  pause(name: string, signal: AbortSignal): Promise<void> {
    return this.#lanes.run(name, async () => {
      const found = await this.#alive(name, signal);
      if (found.state === "running") await this.#containers.pause(found.id, signal);
    });
  }

  resume(name: string, signal: AbortSignal): Promise<void> {
    return this.#lanes.run(name, async () => {
      const found = await this.#alive(name, signal);
      if (found.state === "paused") await this.#containers.unpause(found.id, signal);
    });
  }

  lookAtEngine(signal: AbortSignal): Promise<EngineLook> {
    return this.#facts.look(signal);
  }

  async adopt(signal: AbortSignal): Promise<readonly AdoptedWork[]> {
    const adopted: AdoptedWork[] = [];
    const names = await this.#containers.names(signal);
    // An Engine without a container of ours need not be followed.
    if (names.length > 0) this.#watch.start(this.#closed.signal);
    for (const name of names) {
      const found = await this.#lanes.run(name, () => this.#adoptOne(name, signal));
      if (found !== undefined) adopted.push(toAdopted(found));
    }
    await this.#sockets.sweep(signal);
    return adopted;
  }

  async find(name: string, signal: AbortSignal): Promise<AdoptedWork | undefined> {
    const found = await this.#containers.find(name, signal);
    return found && toAdopted(found);
  }

  async stats(name: string, signal: AbortSignal): Promise<WorkStats | undefined> {
    const found = await this.#containers.find(name, signal);
    if (found?.state !== "running" && found?.state !== "paused") return undefined;
    return await this.#stats.latest(found.id, signal);
  }

  async logs(name: string, lines: number, signal: AbortSignal): Promise<readonly string[]> {
    const found = await this.#containers.find(name, signal);
    return found === undefined ? [] : await readLogs(this.#engine, found.id, { lines }, signal);
  }

  async probe(name: string, command: readonly string[], signal: AbortSignal): Promise<ProbeResult> {
    const found = await this.#containers.find(name, signal);
    if (found?.state !== "running") return { kind: "not-running" };
    return await runInside(this.#engine, found.id, command, signal);
  }

  gpuClaims(signal: AbortSignal): Promise<readonly GpuClaim[]> {
    return this.#claims.read(signal);
  }

  blindSpots(gpu: string): readonly string[] {
    return this.#watch.blindSpots(gpu);
  }

  onExit(listener: (exit: WorkExit) => void): void {
    this.#watch.onExit(listener);
  }

  onBegun(listener: (work: BegunWork) => void): void {
    this.#begun.add(listener);
  }

  onTrouble(listener: (trouble: WorkTrouble) => void): void {
    this.#watch.onTrouble(listener);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#lanes.close();
    this.#stats.close();
    await Promise.all([...this.#units.values()].map(({ relay }) => relay?.close()));
    this.#units.clear();
    await this.#network.close();
    await this.#watch.ended();
  }

  /** In the name's lane. */
  async #ensure(spec: ContainerSpec, cut: AbortSignal): Promise<Readiness> {
    const { name } = spec;
    let started = false;
    try {
      cut.throwIfAborted();
      if (this.#units.has(name)) await this.#lookAfter(name, cut);
      ({ started } = await this.#starter.ensureRunning(spec, cut));
      const known = this.#units.get(name);
      const begun = await this.#containers.find(name, cut);
      if (started && begun !== undefined) this.#tellBegun(begun);
      const found = started ? undefined : begun;
      if (known?.work && isSameRun(known, found)) return { kind: "ready", work: known.work, started: false };
      this.#forget(name);
      const parts = { engine: this.#engine, containers: this.#containers, clock: this.#parts.clock };
      const wanted = started ? spec : { ...spec, startTimeout: this.#patience(spec, found) };
      const reached = await awaitReady(wanted, { ...parts, rig: this.#parts.rig }, cut);
      if (reached.kind === "reached") return this.#settle(spec, reached, started);
      if (!started && reached.kind === "late") {
        // It runs, but its announcement is lost with the log's rotation, or it hangs: a new run tells.
        await this.#stop(name, cut);
        return await this.#ensure(spec, cut);
      }
      return await this.#giveUp(spec, reached);
    } catch (error) {
      if (!cut.aborted) throw error;
      if (started) await this.#stop(name, cut).catch((fault) => this.#watch.complain(name, fault));
      return ABORTED;
    }
  }

  #tellBegun({ name, role, gpus, pid, id: container }: Found): void {
    for (const listener of this.#begun) listener({ name, role, gpus, pid, container });
  }

  /** Work that was found running has had some of its time already. */
  #patience({ startTimeout }: WorkSpec, found: Found | undefined): WorkSpec["startTimeout"] {
    const uptime = this.#parts.clock.now() - Date.parse(found?.startedAt ?? "");
    return millis(Math.max(seconds(2), Number.isFinite(uptime) ? startTimeout - uptime : startTimeout));
  }

  #settle(spec: ContainerSpec, { found, where, relay }: Reached & { kind: "reached" }, started: boolean): Readiness {
    const work = { name: spec.name, pid: found.pid, container: found.id, ...where };
    this.#units.set(spec.name, { ...toUnit(found), probe: gpuProbeOf(spec.container), work, relay });
    return { kind: "ready", work, started };
  }

  /** Nothing of a failed start is used again, so that the next one is a cold one. */
  async #giveUp({ name }: ContainerSpec, reached: Exclude<Reached, { kind: "reached" }>): Promise<Readiness> {
    const { signal } = new AbortController();
    const { code, reason } = reached.kind === "late" ? reached : await endingOf(this.#engine, reached.found);
    const found = await this.#containers.find(name, signal);
    if (found !== undefined) await this.#starter.remove(name, found, signal);
    return { kind: "failed", code, reason };
  }

  /** In the name's lane: ends whatever runs under it; a `signal` that fires leaves no time for a polite end. */
  async #stop(name: string, signal: AbortSignal): Promise<Found | undefined> {
    const never = new AbortController().signal;
    const found = await this.#containers.find(name, never);
    this.#forget(name);
    if (found?.state !== "running" && found?.state !== "paused") return found;
    const kill = () => void this.#containers.kill(found.id, never).catch((fault) => this.#watch.complain(name, fault));
    if (signal.aborted) kill();
    signal.addEventListener("abort", kill, { once: true });
    try {
      await this.#containers.stop(found, never);
    } finally {
      signal.removeEventListener("abort", kill);
    }
    const left = await this.#containers.find(name, never);
    if (left?.exitCode === KILLED && !signal.aborted)
      this.#parts.logger.warn("work did not end when asked and was killed", { work: name });
    return left;
  }

  async #alive(name: string, signal: AbortSignal): Promise<Found> {
    const found = await this.#containers.find(name, signal);
    if (found?.state === "running" || found?.state === "paused") return found;
    throw new ContainerError(`${name} does not run`, {
      code: "ERR_CONTAINER_ABSENT",
      mend: "start it first",
      retryable: false,
    });
  }

  async #adoptOne(name: string, signal: AbortSignal): Promise<Found | undefined> {
    const found = await this.#containers.find(name, signal);
    if (found === undefined || this.#units.has(name)) return found;
    if (found.state === "running" || found.state === "paused") this.#units.set(name, toUnit(found));
    return found;
  }

  /** In the name's lane: tells the end of work that ended by itself. */
  async #lookAfter(name: string, signal: AbortSignal): Promise<void> {
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    const found = await this.#containers.find(name, signal);
    if (isSameRun(unit, found)) return;
    this.#forget(name);
    const ended = found?.id === unit.container ? found : undefined;
    const { reason } = await endingOf(this.#engine, ended);
    if (unit.work === undefined) this.#parts.logger.info("adopted work ended", { work: name, reason });
    else this.#watch.tellExit(unit, reason, ended?.outOfMemory === true ? "out-of-memory" : undefined);
  }

  #forget(name: string): void {
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    this.#units.delete(name);
    this.#stats.drop(unit.container);
    void unit.relay?.close();
  }

  /** A look that the Engine prevents is made up for when it is back. */
  #lookSoon(name: string): void {
    const { signal } = this.#closed;
    void this.#lanes
      .run(name, () => this.#lookAfter(name, signal))
      .catch((error) => {
        if (!signal.aborted) this.#parts.logger.debug("a look at a container failed", { reason: messageOf(error) });
      });
  }

  /** In the name's lane: the next start makes the container anew, which is what gives it the GPU again. */
  async #dropLost(unit: Unit, loss: string): Promise<void> {
    if (this.#units.get(unit.name) !== unit) return;
    const { signal } = this.#closed;
    const found = await this.#stop(unit.name, signal);
    if (found !== undefined) await this.#starter.remove(unit.name, { ...found, state: "exited" }, signal);
    this.#watch.tellExit(unit, printable(`its container lost the GPU: ${loss}`, LONGEST_REASON), "gpu-lost");
  }
}

const KILLED = 137;
const ABORTED: Readiness = { kind: "aborted" };

function toFailure(error: unknown): Readiness {
  if (!isRigError(error)) throw error;
  const { code, mend, retryable } = error.facts;
  return {
    kind: "failed",
    code,
    reason: error.message,
    ...(mend === undefined ? {} : { mend }),
    ...(retryable === undefined ? {} : { retryable }),
  };
}
