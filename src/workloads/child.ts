import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { type Millis, millis, seconds } from "../units/time.ts";
import { type Announcement, LONGEST_ANNOUNCEMENT, parseAnnouncement } from "./announcement.ts";
import type { Launched } from "./launch.ts";
import { printable, readLines } from "./lines.ts";
import { type ProcessSignal, signalProcess } from "./process-table.ts";

export interface ChildExit {
  readonly code: number | undefined;
  /** `exit code 1: the last line on standard error`, ready for a person. */
  readonly reason: string;
  readonly lastLine: string;
}

const LONGEST_LINE = 4096;
const LONGEST_REASON = 300;
/** For a grandchild that keeps the pipes although its group was killed. */
const PIPES_CLOSE = millis(500);
const KILLED = seconds(10);

/** One running child: its first line, its last line and its end. Owns the whole process group. */
export class Child {
  readonly pid: number;
  /** The first line it wrote; never settles when it writes none. */
  readonly announcement: Promise<Announcement>;
  /** Settles once the child is collected, its group killed and its last words read. */
  readonly gone: Promise<ChildExit>;
  /** From the moment of the exit on, a little before `gone`. */
  exited = false;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #lastLine = "";

  constructor(launched: Launched, clock: Clock, logger: Logger) {
    this.pid = launched.pid;
    this.#clock = clock;
    this.#logger = logger;
    this.announcement = new Promise((resolve) => {
      let first = true;
      readLines(launched.stdout, LONGEST_ANNOUNCEMENT, (line) => {
        if (first) resolve(parseAnnouncement(line));
        first = false;
      });
    });
    readLines(launched.stderr, LONGEST_LINE, (line) => {
      const text = printable(line, LONGEST_LINE);
      if (text === "") return;
      this.#lastLine = text;
      logger.debug(text);
    });
    this.gone = this.#awaitEnd(launched);
  }

  /** Stops its whole group where it stands; its memory stays in use. */
  freeze(): void {
    if (!this.exited) this.#signal(-this.pid, "SIGSTOP");
  }

  thaw(): void {
    if (!this.exited) this.#signal(-this.pid, "SIGCONT");
  }

  /** Asks the child to end, kills its group after `patience` or when `urgent` fires; "stuck" when even that fails. */
  async terminate(patience: Millis, urgent: AbortSignal): Promise<"gone" | "stuck"> {
    if (!this.exited) this.#signal(this.pid, "SIGTERM");
    // One that was frozen hears it only now.
    this.thaw();
    if (await this.#isGoneWithin(patience, urgent)) return "gone";
    this.#signal(-this.pid, "SIGKILL");
    return (await this.#isGoneWithin(KILLED)) ? "gone" : "stuck";
  }

  #signal(pid: number, signal: ProcessSignal): void {
    try {
      signalProcess(pid, signal);
    } catch (error) {
      // A child that changed its user may refuse; then it is found to be stuck.
      this.#logger.warn("cannot signal a child", { pid, signal, reason: messageOf(error) });
    }
  }

  async #isGoneWithin(length: Millis, signal?: AbortSignal): Promise<boolean> {
    const ended = new AbortController();
    const stop = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
    const late = this.#clock.wait(length, stop).then(() => false);
    try {
      return await Promise.race([this.gone.then(() => true), late]);
    } finally {
      ended.abort();
    }
  }

  async #awaitEnd(launched: Launched): Promise<ChildExit> {
    const closed = new AbortController();
    launched.onClose(() => closed.abort());
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      launched.onExit((...how) => resolve(how));
    });
    this.exited = true;
    // What the child started and left behind would hold the GPU that is about to be handed over.
    this.#signal(-this.pid, "SIGKILL");
    await this.#clock.wait(PIPES_CLOSE, closed.signal);
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const lastLine = this.#lastLine;
    const reason = printable(lastLine ? `${how}: ${lastLine}` : how, LONGEST_REASON);
    return { code: code ?? undefined, reason, lastLine };
  }
}
