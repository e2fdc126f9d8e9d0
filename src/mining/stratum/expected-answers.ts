import { type Millis, minutes, seconds } from "../../units/time.ts";
import { AnswerQueue } from "./answer-queue.ts";
import type { Login, MinerMessage } from "./dialect.ts";
import type { Response } from "./envelope.ts";
import type { StratumId } from "./fields.ts";
import type { TermedShare } from "./share-booking.ts";
import { isVerdict } from "./verdict.ts";

const MAX_SHARES = 512;
/** Steps of the login, and as many other questions: more of them no miner asks that waits for its answers. */
const MAX_OTHERS = 32;
/** What a pool that goes on talking has not answered after this long, it has forgotten. */
export const FORGOTTEN = seconds(60);
/** For the answer to a step that a pool may not know. */
const WISH_TIMEOUT = seconds(3);
/** How long the answer to a share that was given up may still come. */
const LATEST = minutes(10);

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

export interface ExpectedStep {
  readonly kind: "step";
  readonly step: LoginStep;
  /** Whether the connection is of no use without it; else it is forgotten in time. */
  isNeeded: boolean;
  readonly sentAt: Millis;
}
export type ExpectedShare = TermedShare & { readonly kind: "share"; readonly sentAt: Millis };
interface Question {
  readonly kind: "question";
  readonly id: StratumId;
  readonly sentAt: Millis;
}
export type Expected = ExpectedStep | ExpectedShare | Question;

const idOf = (expected: Expected): StratumId => {
  if (expected.kind === "share") return expected.share.id;
  return expected.kind === "step" ? expected.step.id : expected.id;
};

/**
 * All that one pool connection owes an answer to. Whatever goes to the pool under an id must be expected here, or its
 * answer is taken for that of a share.
 */
export class ExpectedAnswers {
  readonly #queue = new AnswerQueue<Expected>();
  /** All but the shares, oldest first: few, so that looking at them on every line costs nothing. */
  #others: readonly (ExpectedStep | Question)[] = [];
  /** Shares that the miner heard a refusal of, in case the pool still answers. */
  readonly #givenUp = new AnswerQueue<ExpectedShare>();

  get shareCount(): number {
    return this.#queue.size - this.#others.length;
  }

  shares(): ExpectedShare[] {
    return this.#queue.all().filter((expected) => expected.kind === "share");
  }

  /** When the oldest step was sent that the connection is of no use without. */
  get neededSince(): Millis | undefined {
    return this.#others.find((other) => other.kind === "step" && other.isNeeded)?.sentAt;
  }

  /** The steps that a pool may not know and leaves unanswered: from now on it is of use without them. */
  passOver(now: Millis): readonly LoginStep[] {
    const ignored: LoginStep[] = [];
    for (const other of this.#others) {
      const isWish = other.kind === "step" && other.isNeeded && other.step.weight === "wished";
      if (!isWish || now - other.sentAt <= WISH_TIMEOUT) continue;
      other.isNeeded = false;
      ignored.push(other.step);
    }
    return ignored;
  }

  awaits(step: string): boolean {
    return this.#others.some((other) => other.kind === "step" && other.step.name === step);
  }

  /** Whether there is room for it; what is not expected must not be sent. */
  expect(expected: Expected): boolean {
    const { kind } = expected;
    const isShare = kind === "share";
    if (isShare && this.shareCount >= MAX_SHARES) return false;
    if (!isShare && this.#others.filter((other) => other.kind === kind).length >= MAX_OTHERS) return false;
    // From here on the id stands for this request, whatever the pool may still say of an older one.
    this.#givenUp.forget(idOf(expected));
    this.#queue.expect(idOf(expected), expected);
    if (!isShare) this.#others = [...this.#others, expected];
    return true;
  }

  /** What the next answer with that id is for. */
  next(id: StratumId): Expected | undefined {
    return this.#queue.next(id);
  }

  drop(expected: Expected): void {
    this.#queue.drop(idOf(expected), expected);
    if (expected.kind !== "share") this.#others = this.#others.filter((other) => other !== expected);
  }

  /** The share is no longer waited for, but a late answer is known as its own while its id stands for nothing else. */
  giveUp(sent: ExpectedShare): void {
    this.drop(sent);
    const { id } = sent.share;
    if (this.#queue.next(id)) return;
    const [oldest] = this.#givenUp.all();
    if (oldest && this.#givenUp.size >= MAX_SHARES) this.#givenUp.drop(oldest.share.id, oldest);
    this.#givenUp.expect(id, sent);
  }

  /** The share that was given up and that this is the late answer to. */
  takeLate(response: Response): ExpectedShare | undefined {
    return isVerdict(response) ? this.#givenUp.take(response.id) : undefined;
  }

  /** Forgets what is too old; an answer that still comes is then nobody's. */
  forget(now: Millis): void {
    for (const given of this.#givenUp.all()) if (now - given.sentAt > LATEST) this.#givenUp.drop(given.share.id, given);
    for (const other of this.#others) {
      const isKept = other.kind === "step" && other.isNeeded;
      if (!isKept && now - other.sentAt > FORGOTTEN) this.drop(other);
    }
  }

  clear(): void {
    this.#queue.clear();
    this.#others = [];
    this.#givenUp.clear();
  }
}
