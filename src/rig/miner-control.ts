import { messageOf } from "../lib/errors.ts";
import { withDeadline } from "../lib/wait.ts";
import { fetchMinerStats, type MinerStats, pauseMiner, resumeMiner } from "../mining/reference/miner-api.ts";
import { seconds } from "../units/time.ts";
import type { RunningWork, WorkDriver, WorkSpec } from "../workloads/driver.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";

const STATS_TIMEOUT = seconds(2);
/** A healthy miner answers within one batch of hashes; one that does not is stopped. */
const CALL_TIMEOUT = seconds(1.5);

/** The miner of one GPU. Only that GPU's loop calls it. */
export class MinerControl {
  readonly #driver: WorkDriver;
  readonly #spec: WorkSpec;
  #work: RunningWork | undefined;

  constructor(driver: WorkDriver, spec: WorkSpec) {
    this.#driver = driver;
    this.#spec = spec;
    driver.onExit((exit) => {
      if (exit.name === spec.name) this.#work = undefined;
    });
  }

  get resident(): boolean {
    return this.#work !== undefined;
  }

  /** Running and hashing when this is done, whether it had to be started, resumed, or neither. */
  async start(signal: AbortSignal): Promise<Outcome> {
    const readiness = await this.#driver.ensureReady(this.#spec, signal);
    if (readiness.kind === "aborted") return ABORTED;
    if (readiness.kind === "failed") return failed(`the miner did not start: ${readiness.reason}`);
    this.#work = readiness.work;
    return readiness.started ? DONE : this.#call(readiness.work, resumeMiner, signal);
  }

  /** Stopped hashing, still resident and connected. */
  pause(signal: AbortSignal): Promise<Outcome> {
    const work = this.#work;
    return work === undefined ? Promise.resolve(DONE) : this.#call(work, pauseMiner, signal);
  }

  /** Checks with the miner itself that no thread hashes any more. */
  async verifyQuiet(signal: AbortSignal): Promise<Outcome> {
    const work = this.#work;
    if (work === undefined) return DONE;
    const stats = await this.stats(signal);
    if (signal.aborted) return ABORTED;
    if (stats === undefined) return failed("the paused miner does not answer");
    return stats.paused ? DONE : failed("the miner still hashes after its pause");
  }

  async stop(signal: AbortSignal): Promise<Outcome> {
    await this.#driver.stop(this.#spec.name, signal);
    this.#work = undefined;
    return DONE;
  }

  /** What the miner says of itself; undefined when it does not answer within two seconds. */
  async stats(signal: AbortSignal): Promise<MinerStats | undefined> {
    const work = this.#work;
    if (work === undefined) return undefined;
    try {
      return await fetchMinerStats(baseOf(work), withDeadline(signal, STATS_TIMEOUT));
    } catch {
      // A miner that does not answer is a missing reading; its exit is reported by the driver.
      return undefined;
    }
  }

  async #call(
    work: RunningWork,
    call: (base: string, signal: AbortSignal) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    try {
      await call(baseOf(work), withDeadline(signal, CALL_TIMEOUT));
      return DONE;
    } catch (error) {
      return signal.aborted ? ABORTED : failed(`the miner's API: ${messageOf(error)}`);
    }
  }
}

const baseOf = ({ host, port }: RunningWork): string => `http://${host}:${port}`;
