import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../lib/clock.ts";
import { MiningError } from "../errors.ts";
import type { SubmitFields } from "./header.ts";
import { ExtranonceCounter, type MinerJob, NonceSearch } from "./nonce-search.ts";
import { HeaderScanner } from "./sha256d.ts";

export type WorkerOrder =
  | { readonly type: "work"; readonly job: MinerJob | undefined }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "measure"; readonly ms: number };

export type WorkerNews =
  | { readonly type: "share"; readonly share: SubmitFields }
  | { readonly type: "hashes"; readonly count: number }
  /** This thread hashes no more until `resume`. */
  | { readonly type: "paused" }
  | { readonly type: "resumed" }
  | { readonly type: "measured"; readonly hashesPerSecond: number };

export interface WorkerPlace {
  readonly index: number;
  readonly threads: number;
  readonly paused: boolean;
}

/** About 10 ms: how long an order may wait for the thread to look up. */
const BATCH = 16_384;
const REPORT_EVERY = BATCH * 32;
const WARM_UP = BATCH * 4;

/** One hashing thread. Orders come between batches, so a pause is acknowledged only once nothing runs. */
class HashLoop {
  readonly #report: (news: WorkerNews) => void;
  readonly #counter: ExtranonceCounter;
  #search: NonceSearch | undefined;
  #paused: boolean;
  #scheduled = false;
  #unreported = 0;

  constructor(place: WorkerPlace, report: (news: WorkerNews) => void) {
    this.#report = report;
    this.#counter = new ExtranonceCounter(place.index, place.threads);
    this.#paused = place.paused;
  }

  obey(order: WorkerOrder): void {
    switch (order.type) {
      case "work":
        this.#search = order.job && new NonceSearch(order.job, this.#counter);
        break;
      case "pause":
        this.#paused = true;
        this.#flush();
        this.#report({ type: "paused" });
        break;
      case "resume":
        this.#paused = false;
        this.#report({ type: "resumed" });
        break;
      case "measure":
        this.#report({ type: "measured", hashesPerSecond: measure(order.ms) });
        break;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || !this.#search) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
      this.#schedule();
    });
  }

  #turn(): void {
    if (this.#paused || !this.#search) return;
    for (const share of this.#search.step(BATCH)) this.#report({ type: "share", share });
    this.#unreported += BATCH;
    if (this.#unreported >= REPORT_EVERY) this.#flush();
  }

  #flush(): void {
    if (this.#unreported > 0) this.#report({ type: "hashes", count: this.#unreported });
    this.#unreported = 0;
  }
}

function measure(ms: number): number {
  const scanner = new HeaderScanner(new Uint8Array(80));
  // Uncounted: until the compiler has seen it for a while, the loop runs at half its speed.
  scanner.scan(0, WARM_UP, -1);
  const start = systemClock.monotonic();
  let hashes = 0;
  let spent = 0;
  while (spent < ms) {
    scanner.scan(hashes, BATCH, -1);
    hashes += BATCH;
    spent = systemClock.monotonic() - start;
  }
  return (hashes / spent) * 1000;
}

function start(): void {
  const port = parentPort;
  if (!port) throw new MiningError("this file runs only as the miner's worker thread", { code: "ERR_MINER_WORKER" });
  // Written by our own main thread a moment ago.
  const place = workerData as WorkerPlace;
  const loop = new HashLoop(place, (news) => port.postMessage(news));
  port.on("message", (order: WorkerOrder) => loop.obey(order));
}

start();
