import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import type { HookAnswer } from "../hook.ts";
import type { Said } from "./answers.ts";

const LONGEST_REST: Millis = seconds(30);

export interface AnswerWatchParts<T> {
  /** What is asked, for logs. */
  readonly name: string;
  readonly ask: (signal: AbortSignal) => Promise<HookAnswer>;
  readonly parse: (text: string) => Said<T>;
  readonly every: Millis;
  /** Older than that an answer is none. */
  readonly maxAge: Millis;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when the answer is another one than before. */
  readonly onChange: () => void;
}

/** Asks one question again and again, ever more rarely while it fails; an answer counts until it is too old. */
export class AnswerWatch<T> {
  readonly #parts: AnswerWatchParts<T>;
  readonly #backoff;
  #last: { readonly value: T; readonly at: Millis } | undefined;
  #complaint: string | undefined;
  #isAsked = false;

  constructor(parts: AnswerWatchParts<T>) {
    this.#parts = parts;
    this.#backoff = createBackoff(parts.every, millis(Math.max(parts.every, LONGEST_REST)));
  }

  /** The last answer while it is believed; undefined when there is none. */
  get value(): T | undefined {
    const { clock, maxAge } = this.#parts;
    const last = this.#last;
    return last !== undefined && clock.monotonic() - last.at <= maxAge ? last.value : undefined;
  }

  /** The last answer, however old. */
  get last(): T | undefined {
    return this.#last?.value;
  }

  /** Whether a first question was over, answered or not. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Why the last question has no answer. */
  get complaint(): string | undefined {
    return this.#complaint;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, every } = this.#parts;
    while (!signal.aborted) {
      const isAnswered = await this.look(signal);
      if (isAnswered) this.#backoff.reset();
      await clock.wait(isAnswered ? every : this.#backoff.next(), signal);
    }
  }

  /** Asks once; true when the answer could be used, or that to a later question came first. */
  async look(signal: AbortSignal): Promise<boolean> {
    const { ask, parse, clock, onChange } = this.#parts;
    // An answer is as old as its question: what changed meanwhile it may not tell.
    const at = clock.monotonic();
    const answer = await ask(signal);
    if (signal.aborted) return false;
    // A question that was asked since then has been answered: this one knows less.
    if (this.#last !== undefined && at < this.#last.at) return true;
    const isFirst = !this.#isAsked;
    this.#isAsked = true;
    const said = answer.kind === "answered" ? parse(answer.text) : answer;
    if (said.kind !== "said") {
      this.#complain(said.reason);
      if (isFirst) onChange();
      return false;
    }
    const before = this.value;
    this.#last = { value: said.value, at };
    this.#complain(undefined);
    if (isFirst || before !== said.value) onChange();
    return true;
  }

  #complain(reason: string | undefined): void {
    const { logger, name } = this.#parts;
    if (reason !== this.#complaint) {
      if (reason === undefined) logger.info("a hook answers again", { hook: name });
      else logger.warn("a hook failed", { hook: name, reason });
    }
    this.#complaint = reason;
  }
}
