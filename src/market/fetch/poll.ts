import { createHash } from "node:crypto";
import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { isRigError, messageOf, toOneLine } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { elapsed, hours, type Millis, millis, minutes, seconds, type UnixMs } from "../../units/time.ts";
import { type CachedAnswer, readCache, writeCache } from "./cache.ts";
import { type DocumentAnswer, type DocumentRequest, type FetchRules, fetchDocument } from "./http.ts";

const FIRST_RETRY = seconds(30);
const LAST_RETRY = hours(1);
const WHILE_AWAITED = minutes(1);
const LONGEST_REST = hours(6);
/** Of the interval, so that the rigs of a farm do not all ask at once. */
const JITTER = 0.1;

/** Where the words of one source come from, and where they go. */
export interface FeedParts {
  /** As logs call it; never holds a key. */
  readonly name: string;
  readonly every: Millis;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes what was read at `at`; throws `PriceSourceError` when it is no such document. */
  readonly onText: (text: string, at: UnixMs) => void;
  /** True while nothing is believed yet: then the second look, which confirms, comes sooner. */
  readonly isAwaited?: () => boolean;
}

export interface PollParts extends FeedParts {
  /** The request of this moment: its address may name the day. */
  readonly request: (now: UnixMs) => DocumentRequest;
  readonly rules: FetchRules;
  /** Of what is asked for, without keys; names the entry in the cache. */
  readonly cacheFile?: string;
  readonly random?: () => number;
}

/** Asks one source politely: no more often than `every`, unchanged answers not twice, and ever more rarely while it fails. */
export class DocumentPoll {
  readonly #parts: PollParts;
  readonly #backoff;
  readonly #random: () => number;
  #last: CachedAnswer | undefined;
  #complaint: string | undefined;

  constructor(parts: PollParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    const first = millis(Math.max(parts.every, FIRST_RETRY));
    this.#backoff = createBackoff(first, millis(Math.max(first, LAST_RETRY)), this.#random);
  }

  /** Fetches until `signal` fires; starts with what the last run kept, and asks anew when that is old enough. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    let rest = this.#resume();
    while (!signal.aborted) {
      if (rest > 0) await clock.wait(rest, signal);
      if (!signal.aborted) rest = await this.#poll(signal);
    }
  }

  peek(): void {
    this.#resume();
  }

  /** Takes up the kept answer; returns how long it may stand. */
  #resume(): Millis {
    const { cacheFile, clock, every, request, onText } = this.#parts;
    const kept = cacheFile === undefined ? undefined : readCache(cacheFile);
    if (kept === undefined) return millis(0);
    const age = elapsed(kept.fetchedMs, clock.now());
    try {
      if (kept.address !== addressOf(request(clock.now())) || age < 0) return millis(0);
      onText(kept.text, kept.fetchedMs);
    } catch {
      // What an older version took for a document may be none today, and a key may be gone: asking anew tells.
      return millis(0);
    }
    this.#last = kept;
    return millis(Math.max(0, every - age));
  }

  async #poll(signal: AbortSignal): Promise<Millis> {
    const { clock, every, request, rules, isAwaited } = this.#parts;
    try {
      const wanted = request(clock.now());
      const answer = await fetchDocument(this.#conditional(wanted), rules, signal);
      this.#take(answer, addressOf(wanted));
      this.#backoff.reset();
      this.#complaint = undefined;
      const rest = isAwaited?.() === true ? Math.min(every, WHILE_AWAITED) : every;
      return millis(rest * (1 + JITTER * this.#random()));
    } catch (error) {
      if (!signal.aborted) this.#complain(error);
      return this.#restAfter(error);
    }
  }

  #conditional(request: DocumentRequest): DocumentRequest {
    const { etag, lastModified, address } = this.#last ?? {};
    if (address !== addressOf(request)) return request;
    const conditions = {
      ...(etag === undefined ? {} : { "if-none-match": etag }),
      ...(lastModified === undefined ? {} : { "if-modified-since": lastModified }),
    };
    return { ...request, headers: { ...request.headers, ...conditions } };
  }

  #take(answer: DocumentAnswer, address: string): void {
    const { clock, onText, cacheFile, logger, name } = this.#parts;
    const fetchedMs = clock.now();
    const { text = "", etag, lastModified } = answer.kind === "fetched" ? answer : (this.#last ?? {});
    const fetched = {
      text,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
    onText(fetched.text, fetchedMs);
    this.#last = { ...fetched, address, fetchedMs };
    if (cacheFile === undefined) return;
    try {
      writeCache(cacheFile, this.#last);
    } catch (error) {
      logger.warn("a price source's answer cannot be kept", { name, reason: messageOf(error) });
    }
  }

  /** Once per reason: a source that is down for a day is not news every hour. */
  #complain(error: unknown): void {
    const { logger, name } = this.#parts;
    const line = toOneLine(error);
    if (line !== this.#complaint) logger.warn("a price source failed", { name, reason: line });
    this.#complaint = line;
  }

  #restAfter(error: unknown): Millis {
    const rest = this.#backoff.next();
    const asked = isRigError(error) && "retryAfterMs" in error.facts ? Number(error.facts.retryAfterMs) : 0;
    return millis(Math.min(LONGEST_REST, Math.max(rest, asked)));
  }
}

/** Tells requests apart without keeping what may be a key. */
const addressOf = ({ url, body = "" }: DocumentRequest): string =>
  createHash("sha256").update(`${url.href}\n${body}`).digest("hex");
