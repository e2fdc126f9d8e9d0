import { readFileSync, statSync } from "node:fs";
import { messageOf, toOneLine } from "../../lib/errors.ts";
import { type Millis, seconds, unixMs } from "../../units/time.ts";
import { PriceSourceError } from "../errors.ts";
import type { FeedParts } from "./poll.ts";

const LOOK_EVERY: Millis = seconds(5);
const LARGEST_FILE = 8 * 1024 * 1024;

/** Reads a file of prices, and again whenever it was written; a broken one is told and what it said before stands. */
export class FileWatch {
  readonly #parts: FeedParts;
  readonly #file: string;
  #seen: string | undefined;
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

  /** Reads the file if it is another one than at the last look. */
  look(): void {
    const { onText, logger, name } = this.#parts;
    try {
      const { size, mtimeMs, ino } = statSync(this.#file);
      const seen = `${ino} ${size} ${mtimeMs}`;
      if (seen === this.#seen) return;
      this.#seen = seen;
      if (size > LARGEST_FILE) throw new RangeError(`it is over ${LARGEST_FILE} bytes`);
      onText(readFileSync(this.#file, "utf8"), unixMs(Math.trunc(mtimeMs)));
      this.#complaint = undefined;
    } catch (error) {
      const line = toOneLine(error instanceof PriceSourceError ? error : unreadable(this.#file, error));
      if (line !== this.#complaint) logger.warn("a price file failed", { name, reason: line });
      this.#complaint = line;
    }
  }
}

const unreadable = (file: string, cause: unknown): PriceSourceError =>
  new PriceSourceError(
    `${file} cannot be read: ${messageOf(cause)}`,
    { code: "ERR_PRICE_UNREACHABLE", source: file, mend: "let this user read the file", retryable: true },
    { cause },
  );
