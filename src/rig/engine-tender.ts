import { INFERENCE } from "../ledger/work.ts";
import { messageOf } from "../lib/errors.ts";
import type { LoopParts } from "./loop-parts.ts";

/** Keeps the engine up where requests may come, before the first one does, and down where they may not. */
export class EngineTender {
  readonly #parts: LoopParts;
  #isBusy = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** Starts what has to be done in the background; the loop goes on meanwhile. `lends` says whether gaps are lent. */
  tend(lends: boolean, signal: AbortSignal): void {
    const { serving, cooldown, steady, mode, custody, ground, power } = this.#parts;
    if (serving === undefined || this.#isBusy) return;
    const { engine } = serving;
    const mayServe = mode() === "serve" || (mode() === "auto" && lends);
    // Beside a miner there must be room; where there is none, handovers start the engine, wake it and stop it.
    // What others run there has the whole GPU.
    const isLent = custody.assignment.workload === "external";
    const isWanted = mayServe && !isLent && ground.residence.rung === "freeze";
    if (mayServe && !isWanted && !isLent) return;
    // Loading a model is load: a GPU at rest has not claimed any power for it.
    if (isWanted && power.isLimited && custody.assignment.workload === "none") return;
    const isUp = engine.state.kind === "ready";
    if (isWanted ? isUp || cooldown.blocking(INFERENCE, steady.now()) : engine.state.kind === "stopped") return;
    if (!isWanted && custody.assignment.workload === "inference") return;
    this.#isBusy = true;
    void this.#act(isWanted, signal);
  }

  async #act(isWanted: boolean, signal: AbortSignal): Promise<void> {
    const { serving, cooldown, steady, logger, wake } = this.#parts;
    try {
      const outcome = await (isWanted ? serving?.engine.ensureReady(signal) : serving?.engine.stop(signal));
      if (outcome?.kind === "failed") {
        cooldown.failed(INFERENCE, outcome, steady.now());
        logger.warn("the engine is not ready", { reason: outcome.reason });
      }
    } catch (error) {
      cooldown.failed(INFERENCE, { reason: messageOf(error) }, steady.now());
      logger.error("tending the engine failed", { reason: messageOf(error) });
    } finally {
      this.#isBusy = false;
      wake.call();
    }
  }
}
