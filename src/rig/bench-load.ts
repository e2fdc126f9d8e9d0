import { randomUUID } from "node:crypto";
import { continueText } from "../inference/engines/openai-http.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, JobOutcome } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { withDeadline } from "../lib/wait.ts";
import { usdNano } from "../units/money.ts";
import { type Millis, millis, minutes, seconds, toSeconds } from "../units/time.ts";
import type { RequestQueue } from "./request-queue.ts";

const TOKENS = 64;
const ANSWER_WITHIN = minutes(5);
const TRY_AGAIN = seconds(1);
/** Prompts differ from their first word, so that no engine answers from what it remembers. */
const PROMPT = "is a number. Tell at length what else it is, where it is met, and why:";

export interface BenchLoadParts {
  readonly gpu: GpuUuid;
  readonly model: string;
  readonly queue: RequestQueue;
  readonly ledger: Pick<Ledger, "jobs">;
  readonly clock: Clock;
}

/** What so many requests at once came to. */
export interface Served {
  readonly requests: number;
  /** Of all of them together, per second; undefined until one was answered. */
  readonly rate?: number;
}

/** Keeps an engine at work with so many requests at once; each is a job of its own that earns nothing. */
export class BenchLoad {
  readonly #parts: BenchLoadParts;
  readonly #concurrency: number;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #workers: readonly Promise<void>[];
  #tokens = 0;
  #busy = millis(0);
  #requests = 0;
  #fault: string | undefined;

  constructor(concurrency: number, parts: BenchLoadParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#concurrency = concurrency;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
    this.#workers = Array.from({ length: concurrency }, () => this.#work().catch(this.#giveUp));
  }

  /** Why the last request was not answered; undefined after one that was. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** What was answered since the last call; requests that still run count with the next one. */
  take(): Served {
    const [tokens, busy, requests] = [this.#tokens, this.#busy, this.#requests];
    [this.#tokens, this.#busy, this.#requests] = [0, millis(0), 0];
    if (!(busy > 0)) return { requests };
    return { requests, rate: (this.#concurrency * tokens) / toSeconds(busy) };
  }

  /** How many requests were answered since the last `take`. */
  get requests(): number {
    return this.#requests;
  }

  /** Breaks off what runs, and resolves once the GPU is free of it. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#workers);
  }

  /** A ledger that cannot be written ends the load; whoever measures finds no answers, and says why. */
  readonly #giveUp = (error: unknown): void => {
    this.#fault = messageOf(error);
    this.#stop.abort();
  };

  async #work(): Promise<void> {
    while (!this.#signal.aborted) {
      const fault = await this.#ask();
      if (this.#signal.aborted) return;
      this.#fault = fault;
      if (fault !== undefined) await this.#parts.clock.wait(TRY_AGAIN, this.#signal);
    }
  }

  /** Returns why it was not answered. */
  async #ask(): Promise<string | undefined> {
    const { queue, ledger, gpu, model, clock } = this.#parts;
    const jobId = `bench-${randomUUID()}`;
    ledger.jobs.startJob({ id: jobId, kind: "batch", gpu, workload: model, started: clock.now() });
    const end = (outcome: JobOutcome, reason?: string) =>
      ledger.jobs.endJob(jobId, { ended: clock.now(), outcome, ...(reason === undefined ? {} : { reason }) });
    const demand = { jobId, worth: usdNano(0), isTrial: true };
    const admittance = await queue.enqueue(demand, this.#signal);
    if (admittance.kind !== "granted") {
      const why = admittance.kind === "refused" ? admittance.why : "the benchmark ended";
      end(admittance.kind === "refused" ? "expired" : "cancelled", why);
      return why;
    }
    const { grant } = admittance;
    let tokens: number | undefined;
    try {
      const began = clock.monotonic();
      tokens = await this.#continue(jobId, grant.engine, AbortSignal.any([this.#signal, grant.revoked]));
      this.#count(tokens, millis(clock.monotonic() - began));
      ledger.jobs.endJob(jobId, { ended: clock.now(), outcome: "completed", tokensOut: tokens });
      return undefined;
    } catch (error) {
      const isOver = this.#signal.aborted || grant.revoked.aborted;
      end(isOver ? "cancelled" : "failed", isOver ? "the benchmark ended" : messageOf(error));
      return messageOf(error);
    } finally {
      await grant.release(tokens);
    }
  }

  #continue(jobId: string, base: string, signal: AbortSignal): Promise<number> {
    const { model } = this.#parts;
    const body = { model, prompt: `${Number.parseInt(jobId.slice(6, 14), 16)} ${PROMPT}`, maxTokens: TOKENS };
    return continueText(base, body, withDeadline(signal, ANSWER_WITHIN));
  }

  #count(tokens: number, length: Millis): void {
    this.#tokens += tokens;
    this.#busy = millis(this.#busy + length);
    this.#requests++;
  }
}
