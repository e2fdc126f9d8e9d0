import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import type { Algorithm } from "./algorithms.ts";
import { credentialsOf } from "./credentials.ts";
import {
  type Announcement,
  type Dialect,
  EXTRANONCE_SUBSCRIBE,
  type Job,
  type Line,
  type PoolEffects,
  type PoolSession,
} from "./dialect.ts";
import type { Response } from "./envelope.ts";
import {
  type Expected,
  ExpectedAnswers,
  type ExpectedShare,
  type ExpectedStep,
  FORGOTTEN,
  type LoginStep,
} from "./expected-answers.ts";
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
const SILENCE = seconds(150);

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

/** One connection to one pool, whatever the dialect. Only the lines it is fed change it. */
export class PoolSide implements PoolSession {
  /** Whether the miner works for this connection: only then does it hear what the pool announces. */
  serving = false;
  live = true;
  readonly #jobs = new JobBook<Job>();
  readonly #pool: Pool;
  readonly #effects: PoolEffects;
  readonly #parts: PoolSideParts;
  readonly #expected = new ExpectedAnswers();
  readonly #authorized = new Set<string>();
  readonly #handshake: Handshake;
  #mask = 0;
  #session: string | undefined;
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
    return this.#expected.shareCount;
  }

  get difficulty(): Difficulty {
    return this.#jobs.difficulty;
  }

  get awaitsExtranonceAnswer(): boolean {
    return this.#expected.awaits(EXTRANONCE_SUBSCRIBE);
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

  /** Whether it went out or was answered; false where the miner has too many steps without an answer. */
  sendStep(step: LoginStep): boolean {
    if (step.name === EXTRANONCE_SUBSCRIBE && this.#pool.refusesExtranonce) {
      this.#answerStep(step, this.#parts.dialect.granted(step.id));
      return true;
    }
    const isNeeded = step.weight !== "optional" && !this.#isRepeated(step);
    const sentAt = this.#parts.clock.monotonic();
    if (!this.#expected.expect({ kind: "step", step, isNeeded, sentAt })) return false;
    if (step.name === "subscribe") this.#isSubscribed = true;
    const { user, password } = credentialsOf(this.#pool, step.own?.worker ?? "");
    this.#effects.toPool(step.own?.login.line(user, password) ?? step.line);
    this.#turn();
    return true;
  }

  /** Whether the pool has granted it before: one that says nothing to it now is not to blame. */
  #isRepeated(step: LoginStep): boolean {
    if (!this.#settled) return false;
    return step.own || step.isForeign ? this.#authorized.has(this.#userOf(step)) : step.name === "subscribe";
  }

  /** Passes a share on: the rig's own in the pool user's name, somebody else's as it came. */
  sendShare(share: SentShare, line: Buffer): void {
    const { clock } = this.#parts;
    const job = this.#jobs.find(share.submit.job);
    const terms = { job, mask: this.#mask, sentAt: clock.monotonic(), at: clock.now() };
    if (!this.#expected.expect({ kind: "share", share, ...terms })) {
      this.#refuse(share.id, "Too many shares wait for their answer");
      this.bookRefused(share, "too many shares wait for their answer");
      return;
    }
    const { user } = credentialsOf(this.#pool, share.worker);
    this.#effects.toPool(share.gpu === undefined ? line : share.submit.line(user, this.#session));
  }

  /** Whether the question went out under that id; false where too many wait for their answers. */
  ask(id: StratumId, line: Line | ((session: string | undefined) => Line)): boolean {
    const sentAt = this.#parts.clock.monotonic();
    if (!this.#expected.expect({ kind: "question", id, sentAt })) return false;
    this.#effects.toPool(typeof line === "function" ? line(this.#session) : line);
    return true;
  }

  /** Passes the miner's answer to a question of the pool's on. */
  reply(line: Line): void {
    this.#effects.toPool(line);
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
    this.#passOver(now);
    const { neededSince } = this.#expected;
    const isLate = this.#settled
      ? neededSince !== undefined && now - neededSince > STEP_TIMEOUT
      : this.#handshake.isLate(now);
    if (isLate) return neededSince === undefined ? "the pool sends no work" : "the pool does not answer the login";
    if (now - this.#lastLineAt > SILENCE) return "the pool has gone silent";
    this.#expected.forget(now);
    for (const expected of this.#expected.shares()) {
      const waited = now - expected.sentAt;
      if (waited > ANSWER_TIMEOUT && this.#lastLineAt <= expected.sentAt) return "the pool stopped answering";
      if (waited > FORGOTTEN) this.#giveUp(expected, "the pool never answered");
    }
    return undefined;
  }

  lost(reason: string): void {
    this.live = false;
    this.serving = false;
    for (const expected of this.#expected.shares()) this.#giveUp(expected, reason);
    this.#expected.clear();
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
    const expected = this.#expected.next(response.id);
    if (expected?.kind === "step") {
      this.#expected.drop(expected);
      this.#onStepAnswer(expected, response, line);
      return;
    }
    const news = this.#newsIn(response);
    if (news === "nonsense") return;
    const late = news || expected ? undefined : this.#expected.takeLate(response);
    if (expected && !news) this.#onAnswer(expected, response, line);
    else if (late) this.#bookAnswer(late, response, { isLate: true });
    else {
      if (news) this.#announce(news);
      if (this.serving) this.#parts.front.tell(line, news);
    }
  }

  /** News need no question: they may come under any id, even that of a share. */
  #newsIn({ result }: Response): Announcement | "nonsense" | undefined {
    try {
      return this.#parts.dialect.parseUnasked?.(result);
    } catch (error) {
      this.#effects.broken(`the pool talks nonsense: ${messageOf(error)}`);
      return "nonsense";
    }
  }

  #onAnswer(expected: Exclude<Expected, ExpectedStep>, response: Response, line: Buffer): void {
    this.#expected.drop(expected);
    this.#parts.front.relay(line);
    if (expected.kind === "share") this.#bookAnswer(expected, response);
  }

  #onStepAnswer({ step, isNeeded }: ExpectedStep, response: Response, line: Buffer): void {
    const { dialect } = this.#parts;
    if (response.refusal && this.#isRefused(step, isNeeded, response.refusal.message)) return;
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
  #isRefused(step: LoginStep, isNeeded: boolean, message: string): boolean {
    if (step.weight !== "required" || step.isForeign) return false;
    // A pool that took these credentials once means only that it knows us already.
    if (step.own && this.#authorized.has(this.#userOf(step))) {
      this.#answerStep(step, this.#parts.dialect.granted(step.id));
      return true;
    }
    if (!isNeeded || (step.own && this.#authorized.size > 0)) return false;
    this.#effects.broken(`the pool refused ${step.name}: ${message}`, step.own !== undefined);
    return true;
  }

  #userOf = ({ own, name }: LoginStep): string => (own ? credentialsOf(this.#pool, own.worker).user : name);

  #answerStep(step: LoginStep, line: Line): void {
    if (step.answered) return;
    step.answered = true;
    this.#parts.front.relay(line);
  }

  #bookAnswer(sent: ExpectedShare, { refusal }: Response, late: { readonly isLate?: true } = {}): void {
    const latencyMs = this.#parts.clock.monotonic() - sent.sentAt;
    const outcome = refusal
      ? { verdict: toVerdict(refusal), reason: refusal.message }
      : { verdict: "accepted" as const };
    this.#book(sent, { ...outcome, ...late, latencyMs });
  }

  #giveUp(sent: ExpectedShare, reason: string): void {
    this.#expected.giveUp(sent);
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

  /** Does without what the pool ignores, as if it had refused; should it still answer, the miner has had its answer. */
  #passOver(now: Millis): void {
    const ignored = this.#expected.passOver(now);
    for (const step of ignored)
      this.#answerStep(step, this.#parts.dialect.refusal(step.id, REFUSALS.other, "The pool does not answer"));
    if (ignored.length === 0) return;
    this.#trySettle();
    this.#turn();
  }

  #trySettle(): void {
    if (this.#settled || !this.live || this.#authorized.size === 0 || !this.work) return;
    if (this.#expected.neededSince !== undefined) return;
    this.#settled = true;
    this.#effects.settled();
  }

  /** Whether the miner has said all that the pool needs, and the pool has not. */
  #turn(): void {
    const isLoggedIn = this.#authorized.size > 0 && (this.#isSubscribed || !this.#parts.dialect.needsExtranonce);
    const isPools = this.#expected.neededSince !== undefined || (isLoggedIn && !this.#settled);
    this.#handshake.turn(isPools, this.#parts.clock.monotonic());
  }
}
