import type { Clock } from "../../src/lib/clock.ts";
import { millis } from "../../src/units/time.ts";
import type {
  AdoptedWork,
  BegunWork,
  GpuClaim,
  Readiness,
  RunningWork,
  WorkDriver,
  WorkExit,
  WorkRole,
  WorkSpec,
  WorkTrouble,
} from "../../src/workloads/driver.ts";
import { unlessAborted } from "../../src/workloads/unless-aborted.ts";
import { ScriptedEngine } from "./scripted-engine.ts";
import { ScriptedMiner } from "./scripted-miner.ts";

/** Under which the driver and a GPU's readings know the work. */
export const PID_OF: Readonly<Record<WorkRole, number>> = { miner: 4242, engine: 4343 };

const ENGINE_FACTS = { backend: "cpu", model: "tiny", contextTokens: 512, label: "scripted" };

interface Start {
  readonly over: AbortController;
  readonly done: Promise<Readiness>;
  waiting: number;
}

/** A driver whose miner and engine are scripted servers on loopback; records every start and stop. */
export class FakeWorkDriver implements WorkDriver, AsyncDisposable {
  /** `start miner`, `stop engine`, … in order; finding work that runs already is no start. */
  readonly log: string[] = [];
  readonly running = new Map<string, WorkSpec>();
  /** Roles whose start fails, and why. */
  readonly failures = new Map<WorkRole, string>();
  /** Whether the work runs in containers, which can be frozen and kept. */
  inContainers = false;
  readonly frozen = new Set<string>();
  /** How long a start of this role takes on the clock. */
  readonly startMs = new Map<WorkRole, number>();
  /** How long a stop of this role takes on the clock; the work goes on meanwhile. */
  readonly stopMs = new Map<WorkRole, number>();
  /** Thrown by the next start or stop of this role. */
  readonly faults = new Map<WorkRole, Error>();
  /** What containers of others were promised. */
  claims: readonly GpuClaim[] = [];
  /** Whether all that an earlier agent left was told of. */
  isSurveyed = true;
  engineFacts: Readonly<Record<string, unknown>> = ENGINE_FACTS;
  readonly miner: ScriptedMiner;
  readonly engine: ScriptedEngine;
  readonly #clock: Clock;
  readonly #listeners: ((exit: WorkExit) => void)[] = [];
  readonly #troubled: ((trouble: WorkTrouble) => void)[] = [];
  readonly #adopters: ((work: AdoptedWork) => void)[] = [];
  readonly #beginners: ((work: BegunWork) => void)[] = [];
  readonly #surveyors: (() => void)[] = [];
  readonly #starts = new Map<string, Start>();

  private constructor(clock: Clock, miner: ScriptedMiner, engine: ScriptedEngine) {
    this.#clock = clock;
    this.miner = miner;
    this.engine = engine;
  }

  static async start(clock: Clock): Promise<FakeWorkDriver> {
    return new FakeWorkDriver(clock, await ScriptedMiner.start(), await ScriptedEngine.start());
  }

  ensureReady(spec: WorkSpec, signal: AbortSignal): Promise<Readiness> {
    this.#throwFault(spec.role);
    if (this.running.has(spec.name)) return Promise.resolve({ kind: "ready", work: this.#work(spec), started: false });
    return this.#join(this.#starts.get(spec.name) ?? this.#begin(spec), signal);
  }

  #begin(spec: WorkSpec): Start {
    const over = new AbortController();
    const done = this.#start(spec, over.signal).finally(() => this.#starts.delete(spec.name));
    const start = { over, done, waiting: 0 };
    this.#starts.set(spec.name, start);
    return start;
  }

  /** The last one to lose interest ends a start. */
  async #join(start: Start, signal: AbortSignal): Promise<Readiness> {
    start.waiting++;
    const readiness = await unlessAborted(start.done, signal);
    start.waiting--;
    if (readiness !== "aborted") return readiness;
    if (start.waiting === 0) start.over.abort();
    return { kind: "aborted" };
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    const start = this.#starts.get(name);
    start?.over.abort();
    await start?.done;
    const spec = this.running.get(name);
    if (spec === undefined) return;
    this.#throwFault(spec.role);
    const length = this.stopMs.get(spec.role);
    if (length !== undefined) await this.#clock.wait(millis(length), signal);
    this.running.delete(name);
    this.log.push(`stop ${spec.role}`);
  }

  pause(name: string): Promise<void> {
    this.frozen.add(name);
    this.log.push(`freeze ${this.running.get(name)?.role}`);
    return Promise.resolve();
  }

  resume(name: string): Promise<void> {
    if (this.frozen.delete(name)) this.log.push(`thaw ${this.running.get(name)?.role}`);
    return Promise.resolve();
  }

  async discard(name: string, signal: AbortSignal): Promise<void> {
    const role = this.running.get(name)?.role;
    await this.stop(name, signal);
    if (role !== undefined) this.log.push(`remove ${role}`);
  }

  gpuClaims(): Promise<readonly GpuClaim[]> {
    return Promise.resolve(this.claims);
  }

  onAdopted(listener: (work: AdoptedWork) => void): void {
    this.#adopters.push(listener);
  }

  /** A container of an earlier agent is found. */
  adopt(spec: WorkSpec, state: AdoptedWork["state"] = "running"): void {
    if (state !== "stopped") this.running.set(spec.name, spec);
    const { name, role, gpu } = spec;
    const found = {
      name,
      role,
      ...(spec.sheet === undefined ? {} : { sheet: spec.sheet }),
      gpus: [gpu],
      fingerprint: "f",
      state,
      container: `c-${role}`,
      since: undefined,
    };
    for (const listener of this.#adopters) listener(found);
  }

  onSurveyed(listener: () => void): void {
    if (this.isSurveyed) listener();
    else this.#surveyors.push(listener);
  }

  /** Everything was told of. */
  surveyed(): void {
    this.isSurveyed = true;
    for (const listener of this.#surveyors) listener();
  }

  onBegun(listener: (work: BegunWork) => void): void {
    this.#beginners.push(listener);
  }

  onExit(listener: (exit: WorkExit) => void): void {
    this.#listeners.push(listener);
  }

  onTrouble(listener: (trouble: WorkTrouble) => void): void {
    this.#troubled.push(listener);
  }

  /** The running work of `role` is in trouble, and runs on. */
  trouble(role: WorkRole, kind: WorkTrouble["kind"], reason: string): void {
    for (const { name, gpu } of [...this.running.values()].filter((spec) => spec.role === role))
      for (const listener of this.#troubled) listener({ name, role, gpus: [gpu], kind, reason });
  }

  /** The running work of `role` ends by itself. */
  exit(role: WorkRole, reason: string, cause?: WorkExit["cause"]): void {
    for (const { name, gpu } of [...this.running.values()].filter((spec) => spec.role === role)) {
      this.running.delete(name);
      for (const listener of this.#listeners)
        listener({ name, gpu, role, reason, ...(cause === undefined ? {} : { cause }) });
    }
  }

  isRunning(role: WorkRole): boolean {
    return [...this.running.values()].some((spec) => spec.role === role);
  }

  close(): Promise<void> {
    this.running.clear();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.miner[Symbol.asyncDispose]();
    await this.engine[Symbol.asyncDispose]();
  }

  async #start(spec: WorkSpec, signal: AbortSignal): Promise<Readiness> {
    const length = this.startMs.get(spec.role);
    const { name, role, gpu } = spec;
    for (const listener of this.#beginners) listener({ name, role, gpus: [gpu], pid: PID_OF[role] });
    if (length !== undefined) await this.#clock.wait(millis(length), signal);
    if (signal.aborted) return { kind: "aborted" };
    const reason = this.failures.get(spec.role);
    this.log.push(reason === undefined ? `start ${spec.role}` : `fail ${spec.role}`);
    if (reason !== undefined) return { kind: "failed", code: "ERR_WORK_EXITED", reason };
    if (spec.role === "miner") this.miner.paused = false;
    if (spec.role === "engine") this.engine.isAsleep = false;
    this.running.set(spec.name, spec);
    return { kind: "ready", work: this.#work(spec), started: true };
  }

  #work({ name, role }: WorkSpec): RunningWork {
    const port = role === "miner" ? this.miner.port : this.engine.port;
    return {
      name,
      pid: PID_OF[role],
      host: "127.0.0.1",
      port,
      facts: role === "engine" ? this.engineFacts : {},
      ...(this.inContainers ? { container: `c-${role}` } : {}),
    };
  }

  #throwFault(role: WorkRole): void {
    const fault = this.faults.get(role);
    this.faults.delete(role);
    if (fault) throw fault;
  }
}
