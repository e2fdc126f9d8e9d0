import { readFileSync, statSync } from "node:fs";
import { messageOf, toOneLine } from "../../lib/errors.ts";
import { elapsed, type Millis, minutes, seconds, type UnixMs, unixMs } from "../../units/time.ts";
import { PriceSourceError } from "../errors.ts";
import type { FeedParts } from "./poll.ts";

const LOOK_EVERY: Millis = seconds(5);
/** A file that is awaited counts as said again after this long: nobody writes a fixed price twice. */
const SAID_AGAIN: Millis = minutes(1);
const LARGEST_FILE = 8 * 1024 * 1024;

/** Reads a file of prices, and again whenever it was written; a broken one is told and what it said before stands. */
export class FileWatch {
  readonly #parts: FeedParts;
  readonly #file: string;
  #seen: string | undefined;
  #readAt: UnixMs | undefined;
  #complaint: string | undefined;

  constructor(file: string, parts: FeedParts) {
    this.#file = file;
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, every } = this.#parts;
    while (!signal.aborted) {
      this.look();
      await clock.wait(every < LOOK_EVERY ? every : LOOK_EVERY, signal);
    }
  }

  peek(): void {
    this.look();
  }

  /** Reads the file if it is another one than at the last look, or if what it says still waits to be believed. */
  look(): void {
    const { onText, logger, name, clock } = this.#parts;
    try {
      const { size, mtimeMs, ino } = statSync(this.#file);
      const seen = `${ino} ${size} ${mtimeMs}`;
      if (seen === this.#seen && !this.#isWantedAgain) return;
      this.#seen = seen;
      this.#readAt = clock.now();
      if (size > LARGEST_FILE) throw new RangeError(`it is over ${LARGEST_FILE} bytes`);
      onText(readFileSync(this.#file, "utf8"), unixMs(Math.trunc(mtimeMs)));
      this.#complaint = undefined;
    } catch (error) {
      const line = toOneLine(error instanceof PriceSourceError ? error : unreadable(this.#file, error));
      if (line !== this.#complaint) logger.warn("a price file failed", { name, reason: line });
      this.#complaint = line;
    }
  }

  get #isWantedAgain(): boolean {
    const { clock, isAwaited } = this.#parts;
    return isAwaited?.() === true && elapsed(this.#readAt ?? clock.now(), clock.now()) >= SAID_AGAIN;
  }
}

const unreadable = (file: string, cause: unknown): PriceSourceError =>
  new PriceSourceError(
    `${file} cannot be read: ${messageOf(cause)}`,
    { code: "ERR_PRICE_UNREACHABLE", source: file, mend: "let this user read the file", retryable: true },
    { cause },
  );
