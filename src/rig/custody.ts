import { randomUUID } from "node:crypto";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, HandoverState, JobOutcome, Workload } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { CoinQuote } from "../market/file.ts";
import { elapsed, type Millis, millis, seconds, type UnixMs } from "../units/time.ts";
import { tokensPerSecond } from "../units/work.ts";
import type { Cooldown } from "./cooldown.ts";
import type { EngineControl } from "./engine-control.ts";
import { runHandover } from "./handover.ts";
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
const POOL_PATIENCE = seconds(3);

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

/** This workload on this GPU since then. */
export interface Assignment {
  readonly workload: Workload;
  readonly since: UnixMs;
  /** The ledger's job, while hashing. */
  readonly jobId?: string;
}

/** Who has the GPU, and the only way to change it: recorded, metered, then acted. Only the GPU's loop calls it. */
export class Custody {
  readonly #parts: CustodyParts;
  #assignment: Assignment;
  #state: HandoverState = "idle";

  constructor(parts: CustodyParts) {
    this.#parts = parts;
    this.#assignment = { workload: "none", since: parts.clock.now() };
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
    const id = ledger.transitions.start({ gpu, from, to, rung, reason, started });
    await meter.beginSwitch();
    this.#endHashing();
    const jobId = to === "hashing" ? this.#beginHashing() : undefined;
    const outcome = await runHandover({ from, to, residents }, this.#handoverParts(), signal);
    const energy = await meter.endSwitch(outcome.kind === "done" ? to : "none", jobId);
    const word = outcome.kind === "done" ? "completed" : outcome.kind;
    const detail = outcome.kind === "failed" ? outcome.reason : outcome.note;
    ledger.transitions.end(id, { ended: clock.now(), outcome: word, energy, ...(detail ? { detail } : {}) });
    switches.learn();
    logger.info("handover", { gpu, from, to, rung, outcome: word, ms: elapsed(started, clock.now()), detail });
    if (outcome.kind === "done") this.#arrive(to, jobId);
    else await this.#abandon(to, jobId, outcome);
    onChange();
    return outcome;
  }

  #arrive(workload: Workload, jobId: string | undefined): void {
    this.#parts.cooldown.succeeded(workload);
    this.#assign(workload, jobId);
  }

  /** A handover that did not arrive leaves the GPU to nobody, and its target in a cool-down. */
  async #abandon(to: Workload, jobId: string | undefined, outcome: Outcome): Promise<void> {
    const { clock, cooldown, mining } = this.#parts;
    const failure = outcome.kind === "failed" ? outcome.reason : undefined;
    this.#assign("none", undefined);
    if (failure !== undefined) cooldown.failed(to, failure, clock.now());
    if (jobId === undefined) return;
    this.#endJob(jobId, failure === undefined ? "cancelled" : "failed", failure ?? "the agent stopped");
    await mining?.miner.stop(AbortSignal.timeout(STOP_TIMEOUT));
  }

  #assign(workload: Workload, jobId: string | undefined): void {
    this.#assignment = { workload, since: this.#parts.clock.now(), ...(jobId === undefined ? {} : { jobId }) };
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
      gate: (engine) => this.#gate(engine),
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
    const isAway = away !== undefined && elapsed(away.since, clock.now()) > POOL_PATIENCE;
    return isAway ? failed(`the pool is away: ${away.reason}`) : undefined;
  }

  /** Meters each request, and learns the engine's speed from the tokens it made. */
  #gate(engine: string): Gate {
    const { meter, clock, rates } = this.#parts;
    const began = new Map<string, Millis>();
    return {
      engine,
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
