import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { type Millis, millis, minutes, seconds } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import type { Algorithm } from "./algorithms.ts";
import { AnswerQueue } from "./answer-queue.ts";
import { credentialsOf } from "./credentials.ts";
import {
  type Announcement,
  type Dialect,
  EXTRANONCE_SUBSCRIBE,
  type Job,
  type Line,
  type Login,
  type MinerMessage,
  type PoolEffects,
  type PoolSession,
} from "./dialect.ts";
import type { Response } from "./envelope.ts";
import type { StratumId } from "./fields.ts";
import { Handshake } from "./handshake.ts";
import { JobBook } from "./jobs.ts";
import type { Work } from "./offer.ts";
import type { Pool } from "./pools.ts";
import { bookShare, type SentShare, type ShareBooks, type ShareOutcome, type TermedShare } from "./share-booking.ts";
import { REFUSALS, toVerdict } from "./verdict.ts";

/** For one more login on a connection that is settled. */
const STEP_TIMEOUT = seconds(8);
/** No sign of life for this long after a share: the connection is half-open. */
const ANSWER_TIMEOUT = seconds(8);
/** A pool that goes on talking but leaves a share or a suggestion unanswered this long has forgotten it. */
const FORGOTTEN = seconds(60);
/** How long the answer to a share that was given up may still come; later its id may be another request's. */
const LATEST = minutes(10);
const SILENCE = seconds(150);
const MAX_OWED = 512;

/** One line of the miner's login, kept so that it can be said again to the next pool. */
export interface LoginStep {
  readonly name: string;
  readonly weight: Extract<MinerMessage, { kind: "step" }>["weight"];
  readonly id: StratumId;
  /** As the miner wrote it. */
  readonly line: Buffer;
  /** Present where the pool gets our credentials instead; a login of somebody else's goes out as it came. */
  readonly own?: { readonly worker: string; readonly login: Login };
  readonly isForeign: boolean;
  /** Whether the miner has its answer, from whichever pool. */
  answered: boolean;
}

/** The side of the miner's session that its pools speak to. */
export interface MinerFront extends ShareBooks {
  /** An answer, which the miner waits for. */
  relay(line: Line): void;
  /** What the pool says by itself, with the news in it; a miner that does not read hears only of what came of it. */
  tell(line: Line, news?: Announcement): void;
  /** The miner hears of it otherwise. */
  heard(news: Announcement): void;
}

interface PoolSideParts {
  readonly dialect: Dialect;
  readonly algorithm: Algorithm;
  readonly front: MinerFront;
  readonly clock: Clock;
}

type Expected =
  | { readonly kind: "step"; readonly step: LoginStep; readonly sentAt: Millis }
  | (TermedShare & { readonly kind: "share"; readonly sentAt: Millis });
type ExpectedShare = Extract<Expected, { kind: "share" }>;
type ExpectedStep = Extract<Expected, { kind: "step" }>;

/** One connection to one pool, whatever the dialect. Only the lines it is fed change it. */
export class PoolSide implements PoolSession {
  /** Whether the miner works for this connection: only then does it hear what the pool announces. */
  serving = false;
  live = true;
  readonly #jobs = new JobBook<Job>();
  readonly #pool: Pool;
  readonly #effects: PoolEffects;
  readonly #parts: PoolSideParts;
  readonly #expected = new AnswerQueue<Expected>();
  /** Shares that the miner heard a refusal of, in case the pool still answers. */
  readonly #givenUp = new AnswerQueue<ExpectedShare>();
  readonly #authorized = new Set<string>();
  readonly #handshake: Handshake;
  #mask = 0;
  #session: string | undefined;
  #owed = 0;
  #settled = false;
  #servesOwn = false;
  #isSubscribed = false;
  #lastLineAt: Millis;

  constructor(pool: Pool, effects: PoolEffects, parts: PoolSideParts) {
    this.#pool = pool;
    this.#effects = effects;
    this.#parts = parts;
    this.#handshake = new Handshake(effects.connectedAfter ?? millis(0));
    this.#lastLineAt = parts.clock.monotonic();
  }

  get settled(): boolean {
    return this.#settled;
  }

  get servesOwn(): boolean {
    return this.#servesOwn;
  }

  get owed(): number {
    return this.#owed;
  }

  get difficulty(): Difficulty {
    return this.#jobs.difficulty;
  }

  get awaitsExtranonceAnswer(): boolean {
    return this.#steps().some(({ step }) => step.name === EXTRANONCE_SUBSCRIBE);
  }

  /** What there is to do here; undefined until there is work. */
  get work(): Work | undefined {
    const { current, currentTerms, terms: newest } = this.#jobs;
    const isNeedless = !this.#parts.dialect.needsExtranonce;
    if (!current || !(newest.extranonce || isNeedless)) return undefined;
    // A job may come before the answer to the subscription, whose extranonce is that of the whole connection.
    const isEarly = !(currentTerms.extranonce || isNeedless);
    const terms = isEarly ? { ...currentTerms, extranonce: newest.extranonce } : currentTerms;
    return { job: current, terms, newest, mask: this.#mask };
  }

  sendStep(step: LoginStep): void {
    if (step.name === "subscribe") this.#isSubscribed = true;
    if (step.name === EXTRANONCE_SUBSCRIBE && this.#pool.refusesExtranonce) {
      this.#answerStep(step, this.#parts.dialect.granted(step.id));
      return;
    }
    if (step.weight === "optional") this.#forgetSteps(({ step: { name } }) => name === step.name);
    this.#expected.expect(step.id, { kind: "step", step, sentAt: this.#parts.clock.monotonic() });
    const { user, password } = credentialsOf(this.#pool, step.own?.worker ?? "");
    this.#effects.toPool(step.own?.login.line(user, password) ?? step.line);
    this.#turn();
  }

  /** Passes a share on: the rig's own in the pool user's name, somebody else's as it came. */
  sendShare(share: SentShare, line: Buffer): void {
    if (this.#owed >= MAX_OWED) {
      this.#refuse(share.id, "Too many shares wait for their answer");
      this.bookRefused(share, "too many shares wait for their answer");
      return;
    }
    const { clock } = this.#parts;
    const job = this.#jobs.find(share.submit.job);
    const terms = { job, mask: this.#mask, sentAt: clock.monotonic(), at: clock.now() };
    this.#owed++;
    this.#expected.expect(share.id, { kind: "share", share, ...terms });
    const { user } = credentialsOf(this.#pool, share.worker);
    this.#effects.toPool(share.gpu === undefined ? line : share.submit.line(user, this.#session));
  }

  sendRaw(line: Line | ((session: string | undefined) => Line)): void {
    this.#effects.toPool(typeof line === "function" ? line(this.#session) : line);
  }

  /** Books a share that never left us. */
  bookRefused(share: SentShare, reason: string): void {
    const job = this.#jobs.find(share.submit.job);
    this.#book({ share, job, mask: this.#mask, at: this.#parts.clock.now() }, { verdict: "rejected", reason });
  }

  onLine(line: Buffer): void {
    this.#lastLineAt = this.#parts.clock.monotonic();
    const message = this.#parts.dialect.parsePool(line);
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
      case "words":
        this.#effects.words(message.text);
        if (this.serving) this.#parts.front.tell(line);
        break;
      case "other":
        if (this.serving) this.#parts.front.tell(line);
        break;
      default:
        this.#announce(message);
        if (this.serving) this.#parts.front.tell(line, message);
    }
    this.#trySettle();
    this.#turn();
  }

  check(now: Millis): string | undefined {
    const steps = this.#neededSteps();
    const isLate = this.#settled
      ? steps.some(({ sentAt }) => now - sentAt > STEP_TIMEOUT)
      : this.#handshake.isLate(now);
    if (isLate) return steps.length > 0 ? "the pool does not answer the login" : "the pool sends no work";
    if (now - this.#lastLineAt > SILENCE) return "the pool has gone silent";
    for (const given of this.#givenUp.all()) if (now - given.sentAt > LATEST) this.#givenUp.drop(given.share.id, given);
    this.#forgetSteps(({ sentAt }) => now - sentAt > FORGOTTEN);
    for (const expected of this.#shares()) {
      const waited = now - expected.sentAt;
      if (waited > ANSWER_TIMEOUT && this.#lastLineAt <= expected.sentAt) return "the pool stopped answering";
      if (waited > FORGOTTEN) this.#forget(expected);
    }
    return undefined;
  }

  lost(reason: string): void {
    this.live = false;
    this.serving = false;
    for (const expected of this.#shares()) this.#giveUp(expected, reason);
    this.#expected.clear();
    this.#givenUp.clear();
  }

  #announce(news: Announcement): void {
    if (news.kind === "job") this.#jobs.add(news.job);
    if (news.kind === "session") this.#session = news.session;
    if (news.kind === "mask") this.#mask = news.mask;
    if (news.kind === "extranonce") {
      this.#jobs.announceExtranonce(news.extranonce, news.line);
    }
    if (news.kind === "difficulty") {
      this.#jobs.announceDifficulty(news.difficulty, news.line);
      this.#effects.changed();
    }
  }

  #onResponse(response: Response, line: Buffer): void {
    const expected = this.#expected.take(response.id);
    if (expected?.kind === "step") this.#onStepAnswer(expected.step, response, line);
    else if (expected?.kind === "share") this.#onShareAnswer(expected, response, line);
    else this.#onUnasked(response, line);
  }

  #onUnasked(response: Response, line: Buffer): void {
    try {
      const news = this.#parts.dialect.parseUnasked?.(response.result);
      const late = news === undefined ? this.#givenUp.take(response.id) : undefined;
      if (late) {
        // The miner has had its answer.
        this.#bookAnswer(late, response, { isLate: true });
        return;
      }
      if (news) this.#announce(news);
      if (this.serving) this.#parts.front.tell(line, news);
    } catch (error) {
      this.#effects.broken(`the pool talks nonsense: ${messageOf(error)}`);
    }
  }

  #onStepAnswer(step: LoginStep, response: Response, line: Buffer): void {
    const { dialect } = this.#parts;
    if (response.refusal && this.#isRefused(step, response.refusal.message)) return;
    try {
      const news = response.refusal ? [] : dialect.parseAnswer(step.name, response.result);
      for (const one of news) {
        this.#announce(one);
        if (!step.answered) this.#parts.front.heard(one);
      }
    } catch (error) {
      this.#effects.broken(`the pool answers ${step.name} wrongly: ${messageOf(error)}`);
      return;
    }
    if (!response.refusal && (step.own || step.isForeign)) this.#authorized.add(this.#userOf(step));
    if (!response.refusal && step.own) this.#servesOwn = true;
    // The proxy itself announces new extranonces after a failover, whatever the pool can do.
    this.#answerStep(step, step.name === EXTRANONCE_SUBSCRIBE ? dialect.granted(step.id) : line);
  }

  /** Whether the refusal is dealt with here, the miner hearing nothing of it. */
  #isRefused(step: LoginStep, message: string): boolean {
    if (step.weight !== "required" || step.isForeign) return false;
    // A pool that took these credentials once means only that it knows us already.
    if (step.own && this.#authorized.has(this.#userOf(step))) {
      this.#answerStep(step, this.#parts.dialect.granted(step.id));
      return true;
    }
    if (step.own && this.#authorized.size > 0) return false;
    this.#effects.broken(`the pool refused ${step.name}: ${message}`, step.own !== undefined);
    return true;
  }

  #userOf = ({ own, name }: LoginStep): string => (own ? credentialsOf(this.#pool, own.worker).user : name);

  #answerStep(step: LoginStep, line: Line): void {
    if (step.answered) return;
    step.answered = true;
    this.#parts.front.relay(line);
  }

  #onShareAnswer(sent: ExpectedShare, response: Response, line: Buffer): void {
    this.#owed--;
    this.#parts.front.relay(line);
    this.#bookAnswer(sent, response);
  }

  #bookAnswer(sent: ExpectedShare, { refusal }: Response, late: { readonly isLate?: true } = {}): void {
    const latencyMs = this.#parts.clock.monotonic() - sent.sentAt;
    const outcome = refusal
      ? { verdict: toVerdict(refusal), reason: refusal.message }
      : { verdict: "accepted" as const };
    this.#book(sent, { ...outcome, ...late, latencyMs });
  }

  #forget(sent: ExpectedShare): void {
    this.#giveUp(sent, "the pool never answered");
    const [oldest] = this.#givenUp.all();
    if (oldest && this.#givenUp.size >= MAX_OWED) this.#givenUp.drop(oldest.share.id, oldest);
    this.#givenUp.expect(sent.share.id, sent);
  }

  #giveUp(sent: ExpectedShare, reason: string): void {
    this.#expected.drop(sent.share.id, sent);
    this.#owed--;
    this.#refuse(sent.share.id, "The pool never answered");
    this.#book(sent, { verdict: "unknown", reason });
  }

  #refuse(id: StratumId, message: string): void {
    this.#parts.front.relay(this.#parts.dialect.refusal(id, REFUSALS.other, message));
  }

  #book(share: TermedShare, outcome: ShareOutcome): void {
    const { front, algorithm } = this.#parts;
    bookShare(share, outcome, { books: front, algorithm, pool: this.#pool.url, lowest: this.#jobs.lowestDifficulty });
  }

  #trySettle(): void {
    if (this.#settled || !this.live || this.#authorized.size === 0 || !this.work) return;
    if (this.#neededSteps().length > 0) return;
    this.#settled = true;
    this.#effects.settled();
  }

  /** Whether the miner has said all that the pool needs, and the pool has not. */
  #turn(): void {
    const isLoggedIn = this.#authorized.size > 0 && (this.#isSubscribed || !this.#parts.dialect.needsExtranonce);
    const isPools = this.#neededSteps().length > 0 || (isLoggedIn && !this.#settled);
    this.#handshake.turn(isPools, this.#parts.clock.monotonic());
  }

  /** A pool that still answers them has its answer passed on. */
  #forgetSteps(isForgotten: (expected: ExpectedStep) => boolean): void {
    for (const expected of this.#steps())
      if (expected.step.weight === "optional" && isForgotten(expected)) this.#expected.drop(expected.step.id, expected);
  }

  #neededSteps(): ExpectedStep[] {
    return this.#steps().filter(({ step }) => step.weight !== "optional");
  }

  #steps(): ExpectedStep[] {
    return this.#expected.all().filter((expected) => expected.kind === "step");
  }

  #shares(): ExpectedShare[] {
    return this.#expected.all().filter((expected) => expected.kind === "share");
  }
}
