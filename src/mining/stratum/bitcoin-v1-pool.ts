import type { GpuUuid, ShareRow, ShareVerdict } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { type Millis, seconds, type UnixMs } from "../../units/time.ts";
import { type Difficulty, toExpectedHashes } from "../../units/work.ts";
import type { SubmitFields } from "../reference/header.ts";
import { AnswerQueue } from "./answer-queue.ts";
import { answerLine, authorizeLine, refusalLine, submitLine } from "./bitcoin-v1-lines.ts";
import type { Line, PoolEffects, PoolSession } from "./dialect.ts";
import type { StratumId } from "./fields.ts";
import { JobBook, type StratumJob } from "./jobs.ts";
import { type Extranonce, parseConfigured, parseLine, parseSubscribed, type StratumMessage } from "./parser.ts";
import type { Pool } from "./pools.ts";
import { REFUSALS, toVerdict, verifyShare } from "./verdict.ts";

const HANDSHAKE_TIMEOUT = seconds(8);
/** No sign of life for this long after a share: the connection is half-open. */
const ANSWER_TIMEOUT = seconds(8);
/** A pool that goes on talking but leaves a share unanswered this long has forgotten it. */
const FORGOTTEN = seconds(60);
const SILENCE = seconds(150);
const MAX_EXPECTED = 512;

/** One line of the miner's login, kept so that it can be said again to the next pool. */
export interface LoginStep {
  readonly kind: "configure" | "subscribe" | "authorize" | "extranonce-subscribe" | "suggest-difficulty";
  readonly id: StratumId;
  /** As the miner wrote it. */
  readonly line: Buffer;
  /** Whether the miner has its answer, from whichever pool. */
  answered: boolean;
}

/** A share on its way, with what is needed to book it whatever becomes of it. */
export interface SentShare {
  readonly id: StratumId;
  readonly worker: string;
  readonly gpu: GpuUuid;
  readonly submit: SubmitFields;
}

/** The side of the miner's session that its pools speak to. */
export interface MinerFront {
  relay(line: Line): void;
  toldExtranonce(extranonce: Extranonce): void;
  toldMask(mask: number): void;
  recordShare(share: ShareRow): void;
}

type Expected =
  | { readonly kind: "step"; readonly step: LoginStep; readonly sentAt: Millis }
  | {
      readonly kind: "share";
      readonly share: SentShare;
      readonly job: StratumJob | undefined;
      readonly sentAt: Millis;
      readonly at: UnixMs;
    };
type Response = Extract<StratumMessage, { kind: "response" }>;

/** One connection to one pool in Bitcoin's Stratum V1. Only the lines it is fed change it. */
export class BitcoinV1Pool implements PoolSession {
  readonly jobs = new JobBook();
  /** Whether the miner works for this connection: only then does it hear what the pool announces. */
  serving = false;
  live = true;
  mask = 0;
  readonly #pool: Pool;
  readonly #effects: PoolEffects;
  readonly #front: MinerFront;
  readonly #clock: Clock;
  readonly #expected = new AnswerQueue<Expected>();
  #owed = 0;
  #authorized = false;
  #settled = false;
  #lastLineAt: Millis;
  readonly #openedAt: Millis;

  constructor(pool: Pool, effects: PoolEffects, parts: { readonly front: MinerFront; readonly clock: Clock }) {
    this.#pool = pool;
    this.#effects = effects;
    this.#front = parts.front;
    this.#clock = parts.clock;
    this.#openedAt = parts.clock.monotonic();
    this.#lastLineAt = this.#openedAt;
  }

  get settled(): boolean {
    return this.#settled;
  }

  get owed(): number {
    return this.#owed;
  }

  get difficulty(): Difficulty {
    return this.jobs.difficulty;
  }

  get awaitsExtranonceAnswer(): boolean {
    return this.#steps().some(({ step }) => step.kind === "extranonce-subscribe");
  }

  sendStep(step: LoginStep): void {
    if (step.kind === "extranonce-subscribe" && this.#pool.refusesExtranonce) {
      this.#answerStep(step, answerLine(step.id, true));
      return;
    }
    this.#expected.expect(step.id, { kind: "step", step, sentAt: this.#clock.monotonic() });
    this.#effects.toPool(step.kind === "authorize" ? authorizeLine(step.id, this.#pool) : step.line);
  }

  /** Passes a share on in the pool user's name. */
  sendShare(share: SentShare): void {
    if (this.#expected.size >= MAX_EXPECTED) {
      this.#front.relay(refusalLine(share.id, REFUSALS.other, "Too many shares wait for their answer"));
      this.bookRefused(share, "too many shares wait for their answer");
      return;
    }
    const times = { sentAt: this.#clock.monotonic(), at: this.#clock.now() };
    this.#owed++;
    this.#expected.expect(share.id, { kind: "share", share, job: this.jobs.find(share.submit.job), ...times });
    this.#effects.toPool(submitLine(share.id, this.#pool.user, share.submit));
  }

  sendRaw(line: Line): void {
    this.#effects.toPool(line);
  }

  /** Books a share that never left us. */
  bookRefused(share: SentShare, reason: string): void {
    const job = this.jobs.find(share.submit.job);
    this.#book({ share, job, at: this.#clock.now() }, { verdict: "rejected", reason });
  }

  onLine(line: Buffer): void {
    this.#lastLineAt = this.#clock.monotonic();
    const message = parseLine(line);
    switch (message.kind) {
      case "response":
        this.#onResponse(message, line);
        break;
      case "malformed":
        this.#effects.broken(`the pool talks nonsense: ${message.reason}`);
        break;
      case "reconnect":
        this.#effects.redirected(message, seconds(message.waitS));
        break;
      default:
        this.#onAnnouncement(message);
        if (this.serving) this.#front.relay(line);
    }
    this.#trySettle();
  }

  check(now: Millis): string | undefined {
    const steps = this.#steps().filter(({ step }) => isNeeded(step));
    if (steps.some(({ sentAt }) => now - sentAt > HANDSHAKE_TIMEOUT)) return "the pool does not answer the login";
    if (this.#authorized && !this.jobs.current && now - this.#lastLineAt > HANDSHAKE_TIMEOUT)
      return "the pool sends no work";
    if (now - this.#lastLineAt > SILENCE) return "the pool has gone silent";
    for (const expected of this.#shares()) {
      const waited = now - expected.sentAt;
      if (waited > ANSWER_TIMEOUT && this.#lastLineAt <= expected.sentAt) return "the pool stopped answering";
      if (waited > FORGOTTEN) this.#giveUp(expected, "the pool never answered");
    }
    return undefined;
  }

  lost(reason: string): void {
    this.live = false;
    this.serving = false;
    for (const expected of this.#shares()) this.#giveUp(expected, reason);
    this.#expected.clear();
  }

  #onAnnouncement(message: StratumMessage): void {
    if (message.kind === "notify") this.jobs.add(message.job);
    if (message.kind === "set-version-mask") this.#takeMask(message.mask);
    if (message.kind === "set-extranonce") {
      this.jobs.announceExtranonce(message.extranonce);
      if (this.serving) this.#front.toldExtranonce(message.extranonce);
    }
    if (message.kind === "set-difficulty") {
      this.jobs.announceDifficulty(message.difficulty);
      this.#effects.changed();
    }
  }

  #takeMask(mask: number): void {
    this.mask = mask;
    if (this.serving) this.#front.toldMask(mask);
  }

  #onResponse(response: Response, line: Buffer): void {
    const expected = this.#expected.take(response.id);
    if (expected === undefined) {
      if (this.serving) this.#front.relay(line);
    } else if (expected.kind === "step") {
      this.#onStepAnswer(expected.step, response, line);
    } else {
      this.#onShareAnswer(expected, response, line);
    }
  }

  #onStepAnswer(step: LoginStep, response: Response, line: Buffer): void {
    const { refusal } = response;
    // Our credentials are the same for every worker: a pool that took them once means only that it knows us already.
    if (refusal && step.kind === "authorize" && this.#authorized) {
      this.#answerStep(step, answerLine(step.id, true));
      return;
    }
    if (refusal && (step.kind === "subscribe" || step.kind === "authorize")) {
      this.#effects.broken(`the pool refused ${step.kind}: ${refusal.message}`);
      return;
    }
    try {
      if (step.kind === "subscribe") this.#subscribed(parseSubscribed(response.result), step);
      if (step.kind === "configure") this.#configured(refusal ? 0 : parseConfigured(response.result), step);
    } catch (error) {
      this.#effects.broken(`the pool answers ${step.kind} wrongly: ${messageOf(error)}`);
      return;
    }
    if (step.kind === "authorize") this.#authorized = true;
    // The proxy itself announces new extranonces after a failover, whatever the pool can do.
    this.#answerStep(step, step.kind === "extranonce-subscribe" ? answerLine(step.id, true) : line);
  }

  #subscribed(extranonce: Extranonce, step: LoginStep): void {
    this.jobs.announceExtranonce(extranonce);
    if (!step.answered) this.#front.toldExtranonce(extranonce);
  }

  #configured(mask: number, step: LoginStep): void {
    this.mask = mask;
    if (!step.answered) this.#front.toldMask(mask);
  }

  #answerStep(step: LoginStep, line: Line): void {
    if (step.answered) return;
    step.answered = true;
    this.#front.relay(line);
  }

  #onShareAnswer(sent: Extract<Expected, { kind: "share" }>, { refusal }: Response, line: Buffer): void {
    this.#owed--;
    this.#front.relay(line);
    const latencyMs = this.#clock.monotonic() - sent.sentAt;
    const outcome = refusal
      ? { verdict: toVerdict(refusal), reason: refusal.message }
      : { verdict: "accepted" as const };
    this.#book(sent, { ...outcome, latencyMs });
  }

  #giveUp(sent: Extract<Expected, { kind: "share" }>, reason: string): void {
    this.#expected.drop(sent.share.id, sent);
    this.#owed--;
    this.#front.relay(refusalLine(sent.share.id, REFUSALS.other, "The pool never answered"));
    this.#book(sent, { verdict: "unknown", reason });
  }

  #book(
    sent: { readonly share: SentShare; readonly job: StratumJob | undefined; readonly at: UnixMs },
    outcome: { readonly verdict: ShareVerdict; readonly reason?: string; readonly latencyMs?: number },
  ): void {
    const { share, job, at } = sent;
    const difficulty = job?.difficulty ?? this.jobs.difficulty;
    this.#front.recordShare({
      gpu: share.gpu,
      pool: this.#pool.url,
      worker: share.worker,
      stratumJob: share.submit.job,
      at,
      difficulty,
      expectedHashes: toExpectedHashes(difficulty),
      ...outcome,
      ...(job && { verified: verifyShare(job, share.submit, this.mask) }),
    });
  }

  #trySettle(): void {
    if (this.#settled || !this.live || !this.#authorized || !this.jobs.current || !this.jobs.extranonce) return;
    if (this.#steps().some(({ step }) => isNeeded(step))) return;
    this.#settled = true;
    this.#effects.settled();
  }

  #steps(): Extract<Expected, { kind: "step" }>[] {
    return this.#expected.all().filter((expected) => expected.kind === "step");
  }

  #shares(): Extract<Expected, { kind: "share" }>[] {
    return this.#expected.all().filter((expected) => expected.kind === "share");
  }
}

/** Pools may leave the other steps unanswered. */
const isNeeded = ({ kind }: LoginStep): boolean => kind === "subscribe" || kind === "authorize" || kind === "configure";
