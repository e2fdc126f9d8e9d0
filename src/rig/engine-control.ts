import { type EngineFacts, parseEngineFacts, warmEngine } from "../inference/engines/openai-http.ts";
import { fetchIsSleeping, putToSleep, wakeUp } from "../inference/engines/sleep-mode.ts";
import { messageOf } from "../lib/errors.ts";
import type { RunningWork, WorkSpec } from "../workloads/driver.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";
import { discard, type RigDriver } from "./rig-driver.ts";

export type EngineState =
  | { readonly kind: "stopped" }
  | { readonly kind: "starting" }
  | { readonly kind: "ready"; readonly base: string; readonly facts: EngineFacts }
  | { readonly kind: "failed"; readonly reason: string };

export interface EngineControlOptions {
  /** Told whenever the running engine changes. */
  readonly onWork?: (work: RunningWork | undefined) => void;
  /** Whether to ask the engine for a sleep mode; pointless where it holds no VRAM. */
  readonly mayHoldVram?: boolean;
}

/** The engine of one GPU. Only that GPU's loop calls it. */
export class EngineControl {
  readonly #driver: RigDriver;
  readonly #spec: WorkSpec;
  readonly #options: EngineControlOptions;
  #state: EngineState = { kind: "stopped" };
  #isWarm = false;
  #isAsleep = false;
  #canSleep = false;
  #isKept = false;
  #inContainer = false;
  /** While its first token is waited for, and after that did not come. */
  #isDecoding = false;

  constructor(driver: RigDriver, spec: WorkSpec, options: EngineControlOptions = {}) {
    this.#driver = driver;
    this.#spec = spec;
    this.#options = options;
    driver.onExit((exit) => {
      if (exit.name !== spec.name) return;
      this.#state = { kind: "failed", reason: `the engine ended: ${exit.reason}` };
      this.#isAsleep = false;
      this.#isDecoding = false;
      if (exit.cause === "gpu-lost") this.#isKept = false;
      options.onWork?.(undefined);
    });
  }

  get state(): EngineState {
    return this.#state;
  }

  /** Whether it may put load on the GPU beside the requests that were granted. */
  get isAtWork(): boolean {
    return this.#state.kind === "starting" || this.#isDecoding;
  }

  /** It said so, and nothing has woken it since. */
  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** Known once it was ready for the first time. */
  get canSleep(): boolean {
    return this.#canSleep;
  }

  /** Whether its container waits for the next start, caches and all. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Loaded and answering; it has not decoded anything yet, so that it may start beside a miner. */
  async ensureReady(signal: AbortSignal): Promise<Outcome> {
    if (this.#state.kind !== "ready") this.#state = { kind: "starting" };
    const readiness = await this.#driver.ensureReady(this.#spec, signal);
    if (readiness.kind === "aborted") return ABORTED;
    if (readiness.kind === "failed") return this.#fail(`the engine did not start: ${readiness.reason}`);
    const base = `http://${readiness.work.host}:${readiness.work.port}`;
    try {
      const facts = parseEngineFacts(readiness.work.facts, base);
      this.#inContainer = readiness.work.container !== undefined;
      this.#options.onWork?.(readiness.work);
      if (readiness.started) await this.#meet(base, signal);
      this.#state = { kind: "ready", base, facts };
      return DONE;
    } catch (error) {
      return signal.aborted ? ABORTED : this.#fail(messageOf(error));
    }
  }

  /** Ready, and through its first token since it was started: only for an engine that has the GPU to itself. */
  async ensureWarm(signal: AbortSignal): Promise<Outcome> {
    const outcome = await this.ensureReady(signal);
    if (outcome.kind !== "done" || this.#state.kind !== "ready" || (this.#isWarm && !this.#isAsleep)) return outcome;
    const { base, facts } = this.#state;
    this.#isDecoding = true;
    try {
      if (this.#isAsleep) await wakeUp(base, signal);
      this.#isAsleep = false;
      await warmEngine(base, facts.model, signal);
      this.#isWarm = true;
      this.#isDecoding = false;
      return DONE;
    } catch (error) {
      // Whoever leaves takes the question along.
      this.#isDecoding = !signal.aborted;
      return signal.aborted ? ABORTED : this.#fail(messageOf(error));
    }
  }

  /** Weights in the machine's memory, VRAM given back, if the engine speaks the truth. */
  async sleep(signal: AbortSignal): Promise<Outcome> {
    if (this.#state.kind !== "ready" || this.#isAsleep) return DONE;
    const { base } = this.#state;
    try {
      await putToSleep(base, signal);
      if ((await fetchIsSleeping(base, signal)) !== true) return failed("the engine does not sleep when told to");
      this.#isAsleep = true;
      this.#isWarm = false;
      return DONE;
    } catch (error) {
      return signal.aborted ? ABORTED : failed(`the engine's sleep: ${messageOf(error)}`);
    }
  }

  async stop(signal: AbortSignal): Promise<Outcome> {
    await this.#driver.stop(this.#spec.name, signal);
    this.#isKept ||= this.#inContainer;
    return this.#ended();
  }

  /** Stopped, and nothing of it kept: the next start is a cold one. */
  async remove(signal: AbortSignal): Promise<Outcome> {
    await discard(this.#driver, this.#spec.name, signal);
    this.#isKept = false;
    return this.#ended();
  }

  #ended(): Outcome {
    this.#state = { kind: "stopped" };
    this.#isAsleep = false;
    this.#isDecoding = false;
    this.#options.onWork?.(undefined);
    return DONE;
  }

  /** What an engine can do is asked once, while it is new. */
  async #meet(base: string, signal: AbortSignal): Promise<void> {
    this.#isWarm = false;
    this.#isAsleep = false;
    if (this.#options.mayHoldVram !== true) return;
    try {
      this.#canSleep = (await fetchIsSleeping(base, signal)) !== undefined;
    } catch {
      // It answers, as its announcement proved; one that fails at this question has no sleep mode.
      this.#canSleep = false;
    }
  }

  #fail(reason: string): Outcome {
    this.#state = { kind: "failed", reason };
    return failed(reason);
  }
}
