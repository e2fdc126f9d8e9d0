import { Worker } from "node:worker_threads";
import type { SubmitFields } from "./header.ts";
import type { WorkerNews, WorkerOrder, WorkerPlace } from "./miner-worker.ts";
import type { MinerJob } from "./nonce-search.ts";

export interface WorkersHandlers {
  onShare(share: SubmitFields): void;
  onHashes(count: number): void;
  /** A thread died; the miner cannot go on. */
  onFault(error: Error): void;
}

export interface WorkersOptions {
  readonly threads: number;
  readonly paused: boolean;
  readonly handlers: WorkersHandlers;
}

/** The hashing threads, which it owns. Orders of one kind are given one at a time, in the order asked. */
export class MinerWorkers {
  readonly #workers: readonly Worker[];
  readonly #waiting = new Map<Worker, (news: WorkerNews) => void>();
  #queue: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor({ threads, paused, handlers }: WorkersOptions) {
    this.#workers = Array.from({ length: threads }, (_, index) => {
      const place: WorkerPlace = { index, threads, paused };
      const worker = new Worker(new URL("./miner-worker.ts", import.meta.url), { workerData: place });
      worker.on("message", (news: WorkerNews) => this.#onNews(worker, news, handlers));
      worker.on("error", (error) => handlers.onFault(error instanceof Error ? error : new Error(String(error))));
      worker.on("exit", (code) => {
        if (!this.#closing) handlers.onFault(new Error(`a hashing thread ended with code ${code}`));
      });
      return worker;
    });
  }

  work(job: MinerJob | undefined): void {
    this.#order({ type: "work", job });
  }

  /** Resolves once every thread has stopped. */
  async pause(): Promise<void> {
    await this.#ask({ type: "pause" });
  }

  async resume(): Promise<void> {
    await this.#ask({ type: "resume" });
  }

  /** Hashes per second of all threads together, measured over `ms`. */
  async measure(ms: number): Promise<number> {
    const news = await this.#ask({ type: "measure", ms });
    return news.reduce((sum, one) => sum + (one.type === "measured" ? one.hashesPerSecond : 0), 0);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #order(order: WorkerOrder): void {
    for (const worker of this.#workers) worker.postMessage(order);
  }

  #ask(order: WorkerOrder): Promise<WorkerNews[]> {
    const asked = this.#queue.then(() => {
      const answers = this.#workers.map(
        (worker) => new Promise<WorkerNews>((resolve) => this.#waiting.set(worker, resolve)),
      );
      this.#order(order);
      return Promise.all(answers);
    });
    this.#queue = asked;
    return asked;
  }

  #onNews(worker: Worker, news: WorkerNews, handlers: WorkersHandlers): void {
    if (news.type === "share") handlers.onShare(news.share);
    else if (news.type === "hashes") handlers.onHashes(news.count);
    else this.#waiting.get(worker)?.(news);
  }
}
