import { randomUUID } from "node:crypto";
import { LedgerError } from "../ledger/errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, HandoverState, JobOutcome, Workload } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { CoinQuote } from "../market/file.ts";
import { after, elapsed, type Millis, millis, seconds, type UnixMs } from "../units/time.ts";
import { tokensPerSecond } from "../units/work.ts";
import type { Cooldown } from "./cooldown.ts";
import type { EngineControl } from "./engine-control.ts";
import { type Handover, runHandover } from "./handover.ts";
import type { HashingWatch } from "./hashing-watch.ts";
import type { MeterBook } from "./meter-book.ts";
import type { MinerControl } from "./miner-control.ts";
import { DONE, failed, type Outcome } from "./outcome.ts";
import type { RateBook } from "./rates.ts";
import type { Gate, RequestQueue } from "./request-queue.ts";
import { rungFor } from "./steps.ts";
import type { SwitchBook } from "./switch-book.ts";

const STOP_TIMEOUT = seconds(10);
/** A pool that reconnects within this is not away. */
const RECONNECT_GRACE = seconds(3);

/** Why and since when the pool is away. */
export interface PoolAway {
  readonly since: UnixMs;
  readonly reason: string;
}

export interface MiningParts {
  readonly miner: MinerControl;
  readonly coin: CoinQuote;
  readonly watch: HashingWatch;
  /** Undefined while the pool is there. */
  readonly poolAway: () => PoolAway | undefined;
}

export interface CustodyParts {
  readonly gpu: GpuUuid;
  readonly clock: Clock;
  /** The same clock, deaf to being set: for waits and spans. */
  readonly steady: Clock;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly meter: MeterBook;
  readonly queue: RequestQueue;
  readonly rates: RateBook;
  readonly cooldown: Cooldown;
  readonly switches: SwitchBook;
  readonly drainTimeout: Millis;
  readonly mining?: MiningParts;
  readonly serving?: { readonly engine: EngineControl };
  readonly onChange: () => void;
}

/** This workload on this GPU since then, on the steady clock. */
export interface Assignment {
  readonly workload: Workload;
  readonly since: UnixMs;
  /** The ledger's job, while hashing. */
  readonly jobId?: string;
}

type HandoverOutcome = Outcome & { readonly note?: string; readonly isStuck?: true };

const wordsOf = (outcome: HandoverOutcome) => ({
  word: outcome.kind === "done" ? ("completed" as const) : outcome.kind,
  detail: outcome.kind === "failed" ? outcome.reason : outcome.note,
});

/** Who has the GPU, and the only way to change it: recorded, metered, then acted. Only the GPU's loop calls it. */
export class Custody {
  readonly #parts: CustodyParts;
  #assignment: Assignment;
  #state: HandoverState = "idle";

  constructor(parts: CustodyParts) {
    this.#parts = parts;
    this.#assignment = { workload: "none", since: parts.steady.now() };
  }

  get assignment(): Assignment {
    return this.#assignment;
  }

  get state(): HandoverState {
    return this.#state;
  }

  /** Takes the GPU off work that failed; its job is booked as interrupted. */
  letGo(reason: string, signal: AbortSignal): Promise<Outcome> {
    const { jobId } = this.#assignment;
    if (jobId !== undefined) this.#endJob(jobId, "interrupted", reason);
    return this.handOver("none", reason, signal);
  }

  /** Runs one handover with its ledger row, its metering and its hashing job around it. */
  async handOver(to: Workload, reason: string, signal: AbortSignal): Promise<Outcome> {
    const { clock, ledger, gpu, meter, mining, serving, switches, logger, onChange } = this.#parts;
    const from = this.#assignment.workload;
    const residents = { miner: mining?.miner.resident === true, engine: serving?.engine.state.kind === "ready" };
    const rung = rungFor(to, residents);
    const started = clock.now();
    const began = clock.monotonic();
    const id = ledger.transitions.start({ gpu, from, to, rung, reason, started });
    await meter.beginSwitch();
    this.#endHashing();
    const jobId = to === "hashing" ? this.#beginHashing() : undefined;
    const outcome = await this.#runSteps({ from, to, residents }, signal);
    if (outcome.kind !== "done") await this.#stopMinerOf(jobId);
    const energy = await meter.endSwitch(outcome.kind === "done" ? to : "none", jobId);
    const length = millis(clock.monotonic() - began);
    const { word, detail } = wordsOf(outcome);
    // A fallback was taken where there is a note: what it cost says nothing about the planned rung.
    const taken = outcome.note === undefined ? {} : { rung: "cold" as const };
    const ended = after(started, millis(Math.round(length)));
    ledger.transitions.end(id, { ...taken, ended, outcome: word, energy, ...(detail ? { detail } : {}) });
    switches.learn();
    logger.info("handover", { gpu, from, to, rung, outcome: word, ms: Math.round(length), detail });
    if (outcome.kind === "done") this.#arrive(to, jobId);
    else this.#abandon(to, jobId, outcome);
    onChange();
    return outcome;
  }

  /** A step that throws has failed, and the GPU is suspect; only a ledger that cannot be written goes further up. */
  async #runSteps(handover: Handover, signal: AbortSignal): Promise<HandoverOutcome> {
    try {
      return await runHandover(handover, this.#handoverParts(), signal);
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      return { ...failed(messageOf(error)), isStuck: true };
    }
  }

  #arrive(workload: Workload, jobId: string | undefined): void {
    this.#parts.cooldown.succeeded(workload);
    this.#assign(workload, jobId);
  }

  /** A handover that did not arrive leaves the GPU to nobody, and its target in a cool-down. */
  #abandon(to: Workload, jobId: string | undefined, outcome: HandoverOutcome): void {
    const { cooldown, steady } = this.#parts;
    const failure = outcome.kind === "failed" ? outcome.reason : undefined;
    this.#assign("none", undefined);
    if (outcome.isStuck) this.#state = "faulted";
    if (failure !== undefined) cooldown.failed(to, failure, steady.now());
    if (jobId !== undefined)
      this.#endJob(jobId, failure === undefined ? "cancelled" : "failed", failure ?? "the agent stopped");
  }

  /** Before the switch is closed, so that not one joule of a miner that fails to stop counts as rest. */
  async #stopMinerOf(jobId: string | undefined): Promise<void> {
    if (jobId === undefined) return;
    try {
      await this.#parts.mining?.miner.stop(AbortSignal.timeout(STOP_TIMEOUT));
    } catch (error) {
      this.#parts.logger.error("the miner cannot be stopped", { gpu: this.#parts.gpu, reason: messageOf(error) });
    }
  }

  #assign(workload: Workload, jobId: string | undefined): void {
    this.#assignment = { workload, since: this.#parts.steady.now(), ...(jobId === undefined ? {} : { jobId }) };
    this.#state = workload === "none" ? "idle" : "open";
  }

  #beginHashing(): string {
    const { ledger, gpu, mining, clock } = this.#parts;
    const id = `hash-${randomUUID()}`;
    const workload = mining?.coin.coin ?? "unknown";
    ledger.jobs.startJob({ id, kind: "hashing", gpu, workload, started: clock.now() });
    mining?.watch.begin(id);
    return id;
  }

  #endHashing(): void {
    const { jobId } = this.#assignment;
    if (jobId !== undefined) this.#endJob(jobId, "completed");
  }

  #endJob(jobId: string, outcome: JobOutcome, reason?: string): void {
    const { ledger, clock, mining } = this.#parts;
    mining?.watch.end();
    ledger.jobs.endJob(jobId, { ended: clock.now(), outcome, ...(reason === undefined ? {} : { reason }) });
  }

  #handoverParts(): Parameters<typeof runHandover>[1] {
    const { clock, queue, mining, serving, drainTimeout, onChange } = this.#parts;
    return {
      clock,
      queue,
      miner: mining?.miner,
      engine: serving?.engine,
      drainTimeout,
      gate: (engine, slots) => this.#gate(engine, slots),
      firstShare: (signal) => mining?.watch.firstShare(() => this.#endWarming(), signal) ?? Promise.resolve(DONE),
      onState: (state) => {
        this.#state = state;
        onChange();
      },
    };
  }

  /** A request need not wait for a share, and a share need not be waited for while the pool is away. */
  #endWarming(): Outcome | undefined {
    const { queue, mining, clock } = this.#parts;
    if (queue.facts().waiting > 0) return DONE;
    const away = mining?.poolAway();
    const isAway = away !== undefined && elapsed(away.since, clock.now()) > RECONNECT_GRACE;
    return isAway ? failed(`the pool is away: ${away.reason}`) : undefined;
  }

  /** Meters each request, and learns the engine's speed from the tokens it made. */
  #gate(engine: string, slots: number): Gate {
    const { meter, clock, rates } = this.#parts;
    const began = new Map<string, Millis>();
    return {
      engine,
      slots,
      begin: async (jobId) => {
        await meter.beginRequest(jobId);
        began.set(jobId, clock.monotonic());
      },
      end: async (jobId, tokensOut) => {
        const start = began.get(jobId);
        began.delete(jobId);
        const length = start === undefined ? millis(0) : millis(clock.monotonic() - start);
        if (tokensOut !== undefined && tokensOut > 1 && length > 0)
          rates.observeTokens(tokensPerSecond((tokensOut * 1000) / length));
        await meter.endRequest(jobId);
      },
    };
  }
}
