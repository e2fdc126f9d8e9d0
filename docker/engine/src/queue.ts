import { ApiError } from "./errors.ts";

/** One runs, the rest wait in order of arrival. Nothing but `run` changes who holds the engine. */
export class FifoQueue {
  #waiting: Array<() => void> = [];
  #busy = false;
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy = false;
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#busy) {
      this.#busy = true;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#capacity) throw this.#full();
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((waiting) => waiting !== enter);
        reject(signal.reason);
      };
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(enter);
    });
  }

  #full(): ApiError {
    return new ApiError({
      status: 429,
      message: `${this.#capacity} requests are already waiting for this model`,
      code: "queue_full",
      headers: { "retry-after": "1" },
    });
  }
}
