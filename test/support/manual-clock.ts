import type { Clock } from "../../src/lib/clock.ts";
import { type Millis, millis, type UnixMs, unixMs } from "../../src/units/time.ts";

interface Waiter {
  readonly due: number;
  readonly counts: boolean;
  readonly done: () => void;
}

/** Time that moves only when the test says so. */
export class ManualClock implements Clock {
  #monotonic = 0;
  #wall: number;
  readonly #waiters = new Set<Waiter>();

  constructor(start = 1_760_000_000_000) {
    this.#wall = start;
  }

  now(): UnixMs {
    return unixMs(this.#wall);
  }

  monotonic(): Millis {
    return millis(this.#monotonic);
  }

  /** How many callers wait now. */
  get waiting(): number {
    return [...this.#waiters].filter(({ counts }) => counts).length;
  }

  wait(length: Millis, signal: AbortSignal): Promise<void> {
    return this.#wait(length, signal, true);
  }

  /** The same time for those who always wait, such as for a deadline: `waiting` does not count them. */
  aside(): Clock {
    return {
      now: () => this.now(),
      monotonic: () => this.monotonic(),
      wait: (length, signal) => this.#wait(length, signal, false),
    };
  }

  #wait(length: Millis, signal: AbortSignal, counts: boolean): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const waiter: Waiter = { due: this.#monotonic + length, counts, done };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  /** Moves time on by `length`, waking every waiter in the order it falls due, and lets their promises settle. */
  async advance(length: number): Promise<void> {
    const end = this.#monotonic + length;
    for (;;) {
      const next = [...this.#waiters].filter((waiter) => waiter.due <= end).sort((a, b) => a.due - b.due)[0];
      this.#moveTo(next ? Math.max(next.due, this.#monotonic) : end);
      if (!next) break;
      next.done();
      await settle();
    }
    await settle();
  }

  /** Sets the wall clock, as an operator or NTP would; monotonic time is not touched. */
  setWall(value: number): void {
    this.#wall = value;
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
