import type { Backoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf, toPrintable } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import type { QueryEnd, RunningQuery } from "./launch.ts";
import { readWholeLines } from "./lines.ts";
import { fewerFields, firstFields, parseLine, type QueryLine, toArguments } from "./query.ts";

export interface QueryLoopParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly period: Millis;
  /** How long without a reading is too long. */
  readonly stallAfter: Millis;
  readonly backoff: Backoff;
  readonly launch: (args: readonly string[]) => Promise<RunningQuery | string>;
  readonly onReading: (line: Extract<QueryLine, { kind: "sample" | "trouble" }>) => void;
}

const LONGEST_LINE = 4096;
const LONGEST_REASON = 200;
/** A driver that has to wake its GPUs takes this long to say its first word. */
const FIRST_LINE = seconds(20);
const KILLED = seconds(5);
const POLITE = seconds(1);
/** Far above what 64 GPUs print in the time after which silence is a stall. */
const MOST_CHARACTERS = 4_000_000;
/** A run this long was no failed start. */
const PROVEN = seconds(60);

/** Why a run was ended by us, or what it left behind. */
interface RunOutcome {
  readonly reason: string;
  readonly unknownFields: ReadonlySet<string>;
  readonly exitCode: number | undefined;
  readonly told: boolean;
}

/**
 * Keeps one `nvidia-smi --query-gpu … --loop-ms` going. Only `#run` starts a process, and never before the last one is
 * gone: one that hangs in the driver cannot even be killed, and then this waits.
 */
export class QueryLoop {
  readonly #parts: QueryLoopParts;
  readonly #stop = new AbortController();
  #query: RunningQuery | undefined;
  #done: Promise<void> | undefined;
  #lastReason = "";

  constructor(parts: QueryLoopParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#done ??= this.#loop().catch((error) => {
      this.#parts.logger.error("the nvidia-smi query loop broke", { reason: messageOf(error) });
    });
  }

  /** Resolves with true when the process is gone, with false when it is found to be beyond ending. */
  async close(): Promise<boolean> {
    this.#stop.abort();
    const query = this.#query;
    if (query !== undefined && (await this.#end(query, "SIGTERM", POLITE)) === "stuck") {
      if ((await this.#end(query, "SIGKILL", KILLED)) === "stuck") {
        query.abandon();
        return false;
      }
    }
    await this.#done;
    return true;
  }

  async #loop(): Promise<void> {
    const { clock, logger, backoff } = this.#parts;
    const { signal } = this.#stop;
    let fields = firstFields();
    while (!signal.aborted) {
      const began = clock.monotonic();
      const { reason, unknownFields, exitCode, told } = await this.#run(fields);
      if (signal.aborted) return;
      const fewer =
        unknownFields.size > 0 || (exitCode === 2 && !told) ? fewerFields(fields, unknownFields) : undefined;
      if (fewer !== undefined) {
        logger.debug("this driver knows fewer fields", { left: fewer.length, of: fields.length });
        fields = fewer;
        continue;
      }
      if (clock.monotonic() - began >= PROVEN) backoff.reset();
      this.#tell(reason);
      await clock.wait(backoff.next(), signal);
    }
  }

  /** One process from its start to its end. */
  async #run(fields: readonly string[]): Promise<RunOutcome> {
    const query = await this.#parts.launch(toArguments(fields, this.#parts.period));
    if (typeof query === "string") return { reason: query, unknownFields: new Set(), exitCode: undefined, told: false };
    this.#query = query;
    // A close that came during the start found no process to end.
    if (this.#stop.signal.aborted) query.kill("SIGKILL");
    const watch = new QueryWatch(query, fields, this.#parts);
    const { end, ended } = await this.#watch(query, watch);
    this.#query = undefined;
    const reason = toPrintable(ended ?? `${end.how}${watch.lastNotice ? `: ${watch.lastNotice}` : ""}`);
    return { reason, unknownFields: watch.unknownFields, exitCode: end.exitCode, told: watch.told };
  }

  /** Ends the process when it goes silent or prints without end; waits for its end in any case. */
  async #watch(query: RunningQuery, watch: QueryWatch): Promise<{ end: QueryEnd; ended: string | undefined }> {
    const gone = new AbortController();
    const end = query.gone.finally(() => gone.abort());
    let ended: string | undefined;
    while (!gone.signal.aborted && ended === undefined) {
      ended = await watch.waitForTrouble(gone.signal);
    }
    if (gone.signal.aborted || this.#stop.signal.aborted) return { end: await end, ended: undefined };
    if ((await this.#end(query, "SIGKILL", KILLED)) === "stuck")
      this.#parts.logger.error("nvidia-smi hangs in the driver and cannot be ended; no other is started", {
        pid: query.pid,
      });
    return { end: await end, ended };
  }

  async #end(query: RunningQuery, how: "SIGTERM" | "SIGKILL", patience: Millis): Promise<"gone" | "stuck"> {
    query.kill(how);
    const enough = new AbortController();
    const late = this.#parts.clock.wait(patience, enough.signal).then(() => "stuck" as const);
    const outcome = await Promise.race([query.gone.then(() => "gone" as const), late]);
    enough.abort();
    return outcome;
  }

  #tell(reason: string): void {
    if (reason === this.#lastReason) return;
    this.#lastReason = reason;
    this.#parts.logger.warn("the nvidia-smi query ended and is started again", { reason });
  }
}

/** Reads what one process prints. Only its streams write its state. */
class QueryWatch {
  readonly unknownFields = new Set<string>();
  lastNotice = "";
  readonly #parts: QueryLoopParts;
  #lastReading: Millis;
  #characters = 0;
  readonly #flood = new AbortController();
  readonly #first = new AbortController();

  constructor(query: RunningQuery, fields: readonly string[], parts: QueryLoopParts) {
    this.#parts = parts;
    this.#lastReading = parts.clock.monotonic();
    readWholeLines(query.stdout, LONGEST_LINE, (line) => this.#take(line, fields));
    readWholeLines(query.stderr, LONGEST_LINE, (line) => this.#note(line));
    for (const stream of [query.stdout, query.stderr])
      stream.on("data", (chunk: Uint8Array) => {
        this.#characters += chunk.length;
        if (this.#characters <= MOST_CHARACTERS) return;
        this.#flood.abort();
        stream.pause();
      });
  }

  /** Whether it gave any reading. */
  get told(): boolean {
    return this.#first.signal.aborted;
  }

  /** Undefined while all is well, or when `gone` fires. */
  async waitForTrouble(gone: AbortSignal): Promise<string | undefined> {
    const { clock, stallAfter } = this.#parts;
    const { told } = this;
    const patience = told ? stallAfter : millis(Math.max(stallAfter, FIRST_LINE));
    const left = millis(patience - (clock.monotonic() - this.#lastReading));
    if (left > 0) {
      // The first reading ends the long patience with a program that only starts.
      const news = told ? [] : [this.#first.signal];
      await clock.wait(left, AbortSignal.any([gone, this.#flood.signal, ...news]));
      if (this.#flood.signal.aborted) return "it prints without end";
      this.#characters = 0;
      return undefined;
    }
    return gone.aborted ? undefined : `no reading for ${patience / 1000} s`;
  }

  #take(line: string, fields: readonly string[]): void {
    const parsed = parseLine(line, fields);
    switch (parsed.kind) {
      case "sample":
      case "trouble":
        this.#first.abort();
        this.#lastReading = this.#parts.clock.monotonic();
        this.#parts.onReading(parsed);
        break;
      case "unknown-field":
        if (fields.includes(parsed.field)) this.unknownFields.add(parsed.field);
        break;
      case "unknown":
        this.#note(line);
        break;
    }
  }

  #note(line: string): void {
    if (line.trim() !== "") this.lastNotice = line.trim().slice(0, LONGEST_REASON);
  }
}
