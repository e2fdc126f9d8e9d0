import { type EngineFacts, parseEngineFacts, warmEngine } from "../inference/engines/openai-http.ts";
import { messageOf } from "../lib/errors.ts";
import type { WorkDriver, WorkSpec } from "../workloads/driver.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";

export type EngineState =
  | { readonly kind: "stopped" }
  | { readonly kind: "starting" }
  | { readonly kind: "ready"; readonly base: string; readonly facts: EngineFacts }
  | { readonly kind: "failed"; readonly reason: string };

/** The engine of one GPU. Only that GPU's loop calls `ensureReady` and `stop`. */
export class EngineControl {
  readonly #driver: WorkDriver;
  readonly #spec: WorkSpec;
  #state: EngineState = { kind: "stopped" };
  #isWarm = false;

  constructor(driver: WorkDriver, spec: WorkSpec) {
    this.#driver = driver;
    this.#spec = spec;
    driver.onExit((exit) => {
      if (exit.name === spec.name) this.#state = { kind: "failed", reason: `the engine ended: ${exit.reason}` };
    });
  }

  get state(): EngineState {
    return this.#state;
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
      if (readiness.started) this.#isWarm = false;
      this.#state = { kind: "ready", base, facts };
      return DONE;
    } catch (error) {
      return signal.aborted ? ABORTED : this.#fail(messageOf(error));
    }
  }

  /** Ready, and through its first token since it was started: only for an engine that has the GPU to itself. */
  async ensureWarm(signal: AbortSignal): Promise<Outcome> {
    const outcome = await this.ensureReady(signal);
    if (outcome.kind !== "done" || this.#state.kind !== "ready" || this.#isWarm) return outcome;
    const { base, facts } = this.#state;
    try {
      await warmEngine(base, facts.model, signal);
      this.#isWarm = true;
      return DONE;
    } catch (error) {
      return signal.aborted ? ABORTED : this.#fail(messageOf(error));
    }
  }

  async stop(signal: AbortSignal): Promise<Outcome> {
    await this.#driver.stop(this.#spec.name, signal);
    this.#state = { kind: "stopped" };
    return DONE;
  }

  #fail(reason: string): Outcome {
    this.#state = { kind: "failed", reason };
    return failed(reason);
  }
}
