import type { Clock } from "../lib/clock.ts";
import { messageOf, toOneLine } from "../lib/errors.ts";
import { withDeadline } from "../lib/wait.ts";
import { MiningError } from "../mining/errors.ts";
import { type MinerDoor, type MinerNews, referenceDoor } from "../mining/miners/door.ts";
import { type Millis, seconds } from "../units/time.ts";
import type { RunningWork, WorkSpec } from "../workloads/driver.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";
import { discard, type RigDriver } from "./rig-driver.ts";

const STATS_TIMEOUT = seconds(2);
/** A healthy miner answers within one batch of hashes; one that does not is stopped. */
const CALL_TIMEOUT = seconds(1.5);
const ASK_AGAIN = seconds(0.5);

/** A miner whose work is put together anew for every start; `prepare` throws a `MiningError`. */
export interface PlannedMiner {
  readonly name: string;
  readonly door: MinerDoor;
  prepare(): Promise<WorkSpec>;
}

export interface MinerControlOptions {
  /** Told whenever the running miner changes. */
  readonly onWork: (work: RunningWork | undefined) => void;
  readonly clock: Clock;
}

/** The miner of one GPU, by whichever flight sheet: one at a time, all under one name. Only that GPU's loop calls it. */
export class MinerControl {
  readonly #driver: RigDriver;
  #miner: PlannedMiner;
  readonly #clock: Clock;
  readonly #onWork: (work: RunningWork | undefined) => void;
  #work: RunningWork | undefined;
  /** As it was last started. */
  #spec: WorkSpec | undefined;
  #lastExit = "it does not run";
  #frozenSince: Millis | undefined;
  #isKept = false;
  #mayHash = false;

  /** `miner` is started unless `start` is told another one. */
  constructor(driver: RigDriver, miner: PlannedMiner, { onWork, clock }: MinerControlOptions) {
    this.#driver = driver;
    this.#miner = miner;
    this.#onWork = onWork;
    this.#clock = clock;
    driver.onExit((exit) => {
      if (exit.name !== this.#miner.name) return;
      this.#lastExit = exit.reason;
      // The driver has removed its container, because only a new one sees the GPU again.
      if (exit.cause === "gpu-lost") this.#isKept = false;
      this.#hold(undefined);
    });
  }

  /** The one that runs, or else the one that ran last. */
  get planned(): PlannedMiner {
    return this.#miner;
  }

  get resident(): boolean {
    return this.#work !== undefined;
  }

  /** Whether it may put load on the GPU: it starts, hashes, or could not be told to stop hashing. */
  get isAtWork(): boolean {
    return this.#mayHash;
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
  isKept(planned: PlannedMiner): boolean {
    return this.#isKept && planned === this.#miner;
  }

  /**
   * Running and hashing when this is done, whether it had to be started, resumed, or neither. Another one than `planned`
   * that runs is stopped.
   */
  async start(signal: AbortSignal, planned = this.#miner): Promise<Outcome> {
    if (planned !== this.#miner) await this.#take(planned, signal);
    const wasFrozen = this.isFrozen;
    await this.#thaw(signal);
    const spec = await this.#plan();
    if ("kind" in spec) return spec;
    this.#mayHash = true;
    const readiness = await this.#driver.ensureReady(spec, signal);
    if (readiness.kind === "aborted") return ABORTED;
    if (readiness.kind === "failed") {
      this.#mayHash = this.resident;
      return failed(`the miner did not start: ${readiness.reason}`);
    }
    this.#hold(readiness.work);
    if (readiness.started) return announces(spec) ? DONE : this.#untilItAnswers(spec, signal);
    const resume = this.#miner.door.orders?.resume;
    if (resume === undefined) return DONE;
    const resumed = await this.#call(readiness.work, resume, signal);
    // A frozen miner refused to pause, and may refuse this too; but it may also have obeyed late, and must be told.
    return wasFrozen && resumed.kind === "failed" ? DONE : resumed;
  }

  async #take(planned: PlannedMiner, signal: AbortSignal): Promise<void> {
    if (this.resident) await this.stop(signal);
    this.#miner = planned;
    this.#isKept = false;
  }

  /** What runs stays what it is; only a start is planned anew. */
  async #plan(): Promise<WorkSpec | Outcome> {
    if (this.#spec !== undefined && this.resident) return this.#spec;
    try {
      this.#spec = await this.#miner.prepare();
      return this.#spec;
    } catch (error) {
      if (error instanceof MiningError) return failed(toOneLine(error));
      throw error;
    }
  }

  /** A program that announces nothing has started once its API makes sense. */
  async #untilItAnswers({ startTimeout }: WorkSpec, signal: AbortSignal): Promise<Outcome> {
    const deadline = this.#clock.monotonic() + startTimeout;
    for (;;) {
      const work = this.#work;
      if (work === undefined) return failed(`the miner ended while it started: ${this.#lastExit}`);
      const fault = await this.#faultOf(work, signal);
      if (signal.aborted) return ABORTED;
      if (fault === undefined) return DONE;
      if (this.#clock.monotonic() >= deadline)
        return failed(`the miner did not start within ${startTimeout / 1000} s: ${fault}`);
      await this.#clock.wait(ASK_AGAIN, signal);
    }
  }

  async #faultOf(work: RunningWork, signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.#miner.door.read(work, withDeadline(signal, STATS_TIMEOUT));
      return undefined;
    } catch (error) {
      return error instanceof MiningError ? toOneLine(error) : "its API does not answer in time (ERR_MINER_API)";
    }
  }

  /** Stopped hashing, still resident: by its own API, which keeps it connected, else frozen from outside. */
  async pause(signal: AbortSignal): Promise<Outcome> {
    const work = this.#work;
    if (work === undefined) return DONE;
    const pause = this.#miner.door.orders?.pause;
    const paused = pause === undefined ? CANNOT_PAUSE : await this.#call(work, pause, signal);
    if (paused.kind === "done") this.#mayHash = false;
    const mayFreeze = work.container !== undefined || pause === undefined;
    if (paused.kind !== "failed" || !mayFreeze || this.#driver.pause === undefined) return paused;
    // Set first: whether a freeze that failed half-way holds is not known, and thawing what runs does no harm.
    this.#frozenSince = this.#clock.monotonic();
    await this.#driver.pause(this.#miner.name, signal);
    this.#mayHash = false;
    return DONE;
  }

  /** Asks the miner itself whether it hashes no more; one that is frozen, or knows no such word, cannot say. */
  async verifyQuiet(signal: AbortSignal): Promise<Outcome | "unsaid"> {
    const work = this.#work;
    if (work === undefined) return DONE;
    if (this.isFrozen) return "unsaid";
    const stats = await this.stats(signal);
    if (signal.aborted) return ABORTED;
    if (stats === undefined) return failed("the paused miner does not answer");
    if (stats.paused === undefined) return "unsaid";
    return stats.paused ? DONE : failed("the miner still hashes after its pause");
  }

  async stop(signal: AbortSignal): Promise<Outcome> {
    await this.#thaw(signal);
    await this.#driver.stop(this.#miner.name, signal);
    this.#isKept ||= this.#work?.container !== undefined;
    this.#hold(undefined);
    return DONE;
  }

  /** Stopped, and nothing of it kept: the next start is a cold one. */
  async remove(signal: AbortSignal): Promise<Outcome> {
    await this.#thaw(signal);
    await discard(this.#driver, this.#miner.name, signal);
    this.#isKept = false;
    this.#hold(undefined);
    return DONE;
  }

  /** Frozen work does not hear that it should end. */
  async #thaw(signal: AbortSignal): Promise<void> {
    if (!this.isFrozen) return;
    this.#mayHash = true;
    await this.#driver.resume?.(this.#miner.name, signal);
    this.#frozenSince = undefined;
  }

  #hold(work: RunningWork | undefined): void {
    this.#work = work;
    if (work === undefined) {
      this.#frozenSince = undefined;
      this.#mayHash = false;
    }
    this.#onWork(work);
  }

  /** What the miner says of itself; undefined when it does not answer within two seconds. */
  async stats(signal: AbortSignal): Promise<MinerNews | undefined> {
    const work = this.#work;
    if (work === undefined) return undefined;
    try {
      return await this.#miner.door.read(work, withDeadline(signal, STATS_TIMEOUT));
    } catch {
      // A miner that does not answer is a missing reading; its exit is reported by the driver.
      return undefined;
    }
  }

  async #call(
    work: RunningWork,
    call: (at: RunningWork, signal: AbortSignal) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    try {
      await call(work, withDeadline(signal, CALL_TIMEOUT));
      return DONE;
    } catch (error) {
      return signal.aborted ? ABORTED : failed(`the miner's API: ${messageOf(error)}`);
    }
  }
}

/** Where a port is all that is known, it may be open long before the program makes sense. */
const announces = ({ answersAt, container }: WorkSpec): boolean =>
  answersAt === undefined && container?.ready.kind !== "port";

const CANNOT_PAUSE: Outcome = failed("the miner's program cannot pause by itself");

/** Rigshift's own miner, which is always started alike. */
export const ownMiner = (spec: WorkSpec): PlannedMiner => ({
  name: spec.name,
  door: referenceDoor,
  prepare: () => Promise.resolve(spec),
});
