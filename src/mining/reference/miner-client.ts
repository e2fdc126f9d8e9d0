import { connect } from "node:net";
import { type Backoff, createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { minutes, seconds } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import { AnswerQueue } from "../stratum/answer-queue.ts";
import { submitLine } from "../stratum/bitcoin-v1-lines.ts";
import type { Refusal } from "../stratum/envelope.ts";
import { JobBook } from "../stratum/jobs.ts";
import { parseLine, parseSubscribed, type StratumMessage } from "../stratum/parser.ts";
import { type PoolAddress, type PoolTarget, parsePoolUrl } from "../stratum/pool-url.ts";
import { LineSocket } from "../stratum/transport.ts";
import type { SubmitFields } from "./header.ts";
import type { MinerJob } from "./nonce-search.ts";

const AGENT = "rigshift-reference/1";
/** A proxy without a pool holds its miners, so patience is right; a dead peer shows by keep-alive. */
const SILENCE = minutes(10);
const WATCH = seconds(5);

export interface MinerClientHandlers {
  /** Undefined: there is nothing to do until the pool is back. */
  onJob(job: MinerJob | undefined): void;
  onAnswer(refusal: Refusal | undefined): void;
}

export interface MinerClientOptions {
  readonly pool: PoolTarget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handlers: MinerClientHandlers;
}

type Question = "subscribe" | "authorize" | "share" | "other";

/** The miner's end of Stratum V1. One session at a time; it comes back by itself until its signal fires. */
export class MinerClient {
  readonly #options: MinerClientOptions;
  readonly #address: PoolAddress;
  readonly #backoff: Backoff = createBackoff(seconds(1), seconds(30));
  #session: MinerConnection | undefined;
  #suggested: Difficulty | undefined;

  constructor(options: MinerClientOptions) {
    this.#options = options;
    this.#address = parsePoolUrl(options.pool.url);
  }

  get connected(): boolean {
    return this.#session?.authorized ?? false;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const reason = await this.#runSession(signal);
      this.#options.handlers.onJob(undefined);
      if (signal.aborted) return;
      this.#options.logger.warn("pool connection lost", { reason });
      await this.#options.clock.wait(this.#backoff.next(), signal);
    }
  }

  /** Asks for this difficulty now, if connected, and at every login. */
  suggest(difficulty: Difficulty): void {
    this.#suggested = difficulty;
    this.#session?.suggest(difficulty);
  }

  /** Sends a share of the present session; one of an earlier session is of no use to anybody and is dropped. */
  submit(share: SubmitFields): void {
    this.#session?.submit(share);
  }

  async #runSession(signal: AbortSignal): Promise<string> {
    const ended = Promise.withResolvers<string>();
    const session = new MinerConnection(this.#address, this.#options, {
      onLogin: () => this.#backoff.reset(),
      onEnd: ended.resolve,
    });
    this.#session = session;
    if (this.#suggested !== undefined) session.suggest(this.#suggested);
    const watch = new AbortController();
    const onAbort = () => session.close("the miner stops");
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const watching = session.watch(watch.signal);
    const reason = await ended.promise;
    watch.abort();
    await watching;
    signal.removeEventListener("abort", onAbort);
    this.#session = undefined;
    return reason;
  }
}

class MinerConnection {
  readonly #options: MinerClientOptions;
  readonly #events: { readonly onLogin: () => void; readonly onEnd: (reason: string) => void };
  readonly #socket: LineSocket;
  readonly #jobs = new JobBook();
  readonly #questions = new AnswerQueue<Question>();
  #nextId = 1;
  #lastLineAt: number;
  authorized = false;

  constructor(
    address: PoolAddress,
    options: MinerClientOptions,
    events: { readonly onLogin: () => void; readonly onEnd: (reason: string) => void },
  ) {
    this.#options = options;
    this.#events = events;
    this.#lastLineAt = options.clock.monotonic();
    this.#socket = new LineSocket(connect(address), {
      onLine: (line) => this.#onLine(line),
      onClose: (reason) => events.onEnd(reason),
    });
    const { user, password } = options.pool;
    this.#ask("subscribe", "mining.subscribe", [AGENT]);
    this.#ask("other", "mining.extranonce.subscribe", []);
    this.#ask("authorize", "mining.authorize", [user, password]);
  }

  suggest(difficulty: Difficulty): void {
    this.#ask("other", "mining.suggest_difficulty", [difficulty]);
  }

  submit(share: SubmitFields): void {
    if (!this.authorized || !this.#jobs.find(share.job)) return;
    const id = this.#nextId++;
    this.#questions.expect(id, "share");
    this.#socket.send(submitLine(id, this.#options.pool.user, share));
  }

  close(reason: string): void {
    this.#socket.close(reason);
  }

  /** Closes the connection when the pool has been silent for ten minutes. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.wait(WATCH, signal);
      if (clock.monotonic() - this.#lastLineAt > SILENCE) this.close("the pool has gone silent");
    }
  }

  #ask(question: Question, method: string, params: readonly unknown[]): void {
    const id = this.#nextId++;
    this.#questions.expect(id, question);
    this.#socket.send(JSON.stringify({ id, method, params }));
  }

  #onLine(line: Buffer): void {
    this.#lastLineAt = this.#options.clock.monotonic();
    const message = parseLine(line);
    switch (message.kind) {
      case "response":
        this.#onResponse(message);
        break;
      case "notify":
        this.#jobs.add(message.job);
        this.#work();
        break;
      case "set-difficulty":
        this.#jobs.announceDifficulty(message.difficulty);
        break;
      case "set-extranonce":
        this.#jobs.announceExtranonce(message.extranonce);
        break;
      case "malformed":
        this.close(`the pool talks nonsense: ${message.reason}`);
        break;
      default:
        this.#options.logger.debug("ignored", { message: message.kind });
    }
  }

  #onResponse(response: Extract<StratumMessage, { kind: "response" }>): void {
    const question = this.#questions.take(response.id);
    const { refusal } = response;
    if (question === "share") this.#options.handlers.onAnswer(refusal);
    if (question === "authorize" && refusal) this.close(`the pool refused the worker: ${refusal.message}`);
    if (question === "authorize" && !refusal) this.#onAuthorized();
    if (question === "subscribe") this.#onSubscribed(response.result);
  }

  #onSubscribed(result: unknown): void {
    try {
      this.#jobs.announceExtranonce(parseSubscribed(result));
    } catch {
      // The reason that the parser gives names a field the operator cannot see; the pool is simply no pool.
      this.close("the pool answers the subscription wrongly");
    }
  }

  #onAuthorized(): void {
    this.authorized = true;
    this.#events.onLogin();
    this.#work();
  }

  #work(): void {
    const { current, extranonce } = this.#jobs;
    if (!this.authorized || !current || !extranonce) return;
    this.#options.handlers.onJob({ fields: current, extranonce, difficulty: current.difficulty });
  }
}
