import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { withDeadline } from "../lib/wait.ts";
import { fetchMinerStats, type MinerStats, pauseMiner, resumeMiner } from "../mining/reference/miner-api.ts";
import { type Millis, seconds } from "../units/time.ts";
import type { RunningWork, WorkSpec } from "../workloads/driver.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";
import { discard, type RigDriver } from "./rig-driver.ts";

const STATS_TIMEOUT = seconds(2);
/** A healthy miner answers within one batch of hashes; one that does not is stopped. */
const CALL_TIMEOUT = seconds(1.5);

export interface MinerControlOptions {
  /** Told whenever the running miner changes. */
  readonly onWork: (work: RunningWork | undefined) => void;
  readonly clock: Clock;
}

/** The miner of one GPU. Only that GPU's loop calls it. */
export class MinerControl {
  readonly #driver: RigDriver;
  readonly #spec: WorkSpec;
  readonly #monotonic: () => Millis;
  readonly #onWork: (work: RunningWork | undefined) => void;
  #work: RunningWork | undefined;
  #frozenSince: Millis | undefined;
  #isKept = false;

  constructor(driver: RigDriver, spec: WorkSpec, { onWork, clock }: MinerControlOptions) {
    this.#driver = driver;
    this.#spec = spec;
    this.#onWork = onWork;
    this.#monotonic = () => clock.monotonic();
    driver.onExit((exit) => {
      if (exit.name === spec.name) this.#hold(undefined);
    });
  }

  get resident(): boolean {
    return this.#work !== undefined;
  }

  /** Frozen from outside: it keeps its memory, and is silent towards its pool. */
  get isFrozen(): boolean {
    return this.#frozenSince !== undefined;
  }

  /** On the monotonic clock; undefined while it is not frozen. */
  get frozenSince(): Millis | undefined {
    return this.#frozenSince;
  }

  /** Whether its container waits for the next start, caches and all. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Running and hashing when this is done, whether it had to be started, resumed, or neither. */
  async start(signal: AbortSignal): Promise<Outcome> {
    const wasFrozen = this.isFrozen;
    await this.#thaw(signal);
    const readiness = await this.#driver.ensureReady(this.#spec, signal);
    if (readiness.kind === "aborted") return ABORTED;
    if (readiness.kind === "failed") return failed(`the miner did not start: ${readiness.reason}`);
    this.#hold(readiness.work);
    return readiness.started || wasFrozen ? DONE : this.#call(readiness.work, resumeMiner, signal);
  }

  /** Stopped hashing, still resident: by its own API, which keeps it connected, else frozen from outside. */
  async pause(signal: AbortSignal): Promise<Outcome> {
    const work = this.#work;
    if (work === undefined) return DONE;
    const paused = await this.#call(work, pauseMiner, signal);
    if (paused.kind !== "failed" || work.container === undefined || this.#driver.pause === undefined) return paused;
    // Set first: whether a freeze that failed half-way holds is not known, and thawing what runs does no harm.
    this.#frozenSince = this.#monotonic();
    await this.#driver.pause(this.#spec.name, signal);
    return DONE;
  }

  /** Checks with the miner itself that no thread hashes any more; one that is frozen cannot be asked. */
  async verifyQuiet(signal: AbortSignal): Promise<Outcome> {
    const work = this.#work;
    if (work === undefined) return DONE;
    const stats = await this.stats(signal);
    if (signal.aborted) return ABORTED;
    if (stats === undefined) return failed("the paused miner does not answer");
    return stats.paused ? DONE : failed("the miner still hashes after its pause");
  }

  async stop(signal: AbortSignal): Promise<Outcome> {
    await this.#thaw(signal);
    await this.#driver.stop(this.#spec.name, signal);
    this.#isKept ||= this.#work?.container !== undefined;
    this.#hold(undefined);
    return DONE;
  }

  /** Stopped, and nothing of it kept: the next start is a cold one. */
  async remove(signal: AbortSignal): Promise<Outcome> {
    await this.#thaw(signal);
    await discard(this.#driver, this.#spec.name, signal);
    this.#isKept = false;
    this.#hold(undefined);
    return DONE;
  }

  /** Frozen work does not hear that it should end. */
  async #thaw(signal: AbortSignal): Promise<void> {
    if (!this.isFrozen) return;
    await this.#driver.resume?.(this.#spec.name, signal);
    this.#frozenSince = undefined;
  }

  #hold(work: RunningWork | undefined): void {
    this.#work = work;
    if (work === undefined) this.#frozenSince = undefined;
    this.#onWork(work);
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
