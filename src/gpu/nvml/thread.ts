import { Worker } from "node:worker_threads";
import koffi from "koffi";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { type Millis, seconds } from "../../units/time.ts";
import type { Xid } from "./events.ts";
import {
  NO_GPU,
  type Order,
  type OrderAnswer,
  type Progress,
  type ThreadMessage,
  type ThreadOptions,
  type ThreadStart,
} from "./protocol.ts";

export interface ThreadParts {
  readonly clock: Clock;
  readonly options: ThreadOptions;
  readonly onXid: (xid: Xid) => void;
}

/** What became of an order: `hung` at the GPU of that position, or outside of any. */
export type Outcome =
  | { readonly kind: "answered"; readonly answer: OrderAnswer }
  | { readonly kind: "hung"; readonly position: number | undefined; readonly back: Promise<void> }
  | { readonly kind: "died"; readonly reason: string };

interface Waiting {
  readonly resolve: (outcome: Outcome) => void;
  /** Settles when an order that hung was answered after all. */
  readonly back: PromiseWithResolvers<void>;
  readonly hangAfter: Millis;
  readonly sent: Millis;
  isHung: boolean;
}

const CLOSE_WITHIN = seconds(2);
const WATCH_EVERY = seconds(0.5);
/** Its heap stays small: a few readings at a time. */
const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

/** The agent's end of the thread that talks to the driver. One order at a time; a hung one is never followed by another. */
export class NvmlThread {
  readonly #parts: ThreadParts;
  readonly #worker: Worker;
  readonly #progress: Progress = new Int32Array(new SharedArrayBuffer(8));
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended = new AbortController();
  #last = 0;
  #isWatching = false;
  #isLeft = false;
  #death: string | undefined;

  constructor(parts: ThreadParts) {
    this.#parts = parts;
    Atomics.store(this.#progress, 0, NO_GPU);
    const workerData: ThreadStart = { ...parts.options, progress: this.#progress };
    const url = new URL("./worker.ts", import.meta.url);
    this.#worker = new Worker(url, { workerData, execArgv: [], resourceLimits: LIMITS });
    this.#worker.on("message", (message: ThreadMessage) => this.#onMessage(message));
    this.#worker.on("error", (error) => this.#onDeath(messageOf(error)));
    this.#worker.on("exit", () => this.#onDeath("the thread ended"));
  }

  /** Resolves with the answer, or once nothing moved in the driver for `hangAfter`. */
  ask(order: Order, hangAfter: Millis): Promise<Outcome> {
    if (this.#death !== undefined) return Promise.resolve({ kind: "died", reason: this.#death });
    const number = ++this.#last;
    const back = Promise.withResolvers<void>();
    return new Promise((resolve) => {
      this.#waiting.set(number, { resolve, back, hangAfter, sent: this.#parts.clock.monotonic(), isHung: false });
      this.#worker.postMessage({ number, order });
      if (!this.#isWatching) void this.#watch();
    });
  }

  /** Ends the session and the thread; false for one that hangs: it is left behind, and cannot keep the agent from ending. */
  async close(): Promise<boolean> {
    const outcome = await this.ask({ type: "close" }, CLOSE_WITHIN);
    if (outcome.kind === "answered") await this.#worker.terminate();
    else if (outcome.kind === "hung") this.leaveBehind();
    return outcome.kind !== "hung";
  }

  /** For a hung thread: the process may end without it. */
  leaveBehind(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.#worker.unref();
    process.on("exit", endDespiteHang);
    this.#worker.once("exit", () => process.off("exit", endDespiteHang));
  }

  /** One timer for all orders, and none while nothing is asked. */
  async #watch(): Promise<void> {
    const { clock } = this.#parts;
    this.#isWatching = true;
    let seen = Atomics.load(this.#progress, 1);
    let since = clock.monotonic();
    while (!this.#ended.signal.aborted && [...this.#waiting.values()].some(({ isHung }) => !isHung)) {
      await clock.wait(WATCH_EVERY, this.#ended.signal);
      const moved = Atomics.load(this.#progress, 1);
      if (moved !== seen) since = clock.monotonic();
      seen = moved;
      this.#findHung(since);
    }
    this.#isWatching = false;
  }

  #findHung(since: Millis): void {
    const position = Atomics.load(this.#progress, 0);
    for (const one of this.#waiting.values()) {
      if (one.isHung || this.#parts.clock.monotonic() - Math.max(since, one.sent) < one.hangAfter) continue;
      one.isHung = true;
      one.resolve({ kind: "hung", position: position === NO_GPU ? undefined : position, back: one.back.promise });
    }
  }

  #onMessage(message: ThreadMessage): void {
    if ("xid" in message) {
      this.#parts.onXid(message.xid);
      return;
    }
    this.#settle(message.number, { kind: "answered", answer: message.answer });
  }

  #onDeath(reason: string): void {
    this.#death ??= reason;
    this.#ended.abort();
    for (const number of [...this.#waiting.keys()]) this.#settle(number, { kind: "died", reason: this.#death });
  }

  #settle(number: number, outcome: Outcome): void {
    const one = this.#waiting.get(number);
    this.#waiting.delete(number);
    one?.resolve(outcome);
    one?.back.resolve();
  }
}

/** Node waits for its threads when it ends, and one inside the driver may never come: the C library does not wait. */
function endDespiteHang(code: number): void {
  if (process.platform !== "win32") koffi.load(null).func("void _exit(int)")(code);
}
