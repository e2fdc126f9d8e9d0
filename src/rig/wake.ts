import type { Clock } from "../lib/clock.ts";
import type { Millis } from "../units/time.ts";

/** Lets one loop sleep and anybody rouse it; a call while the loop is awake is not lost. */
export class Wake {
  #pending = false;
  #rouse: (() => void) | undefined;

  call(): void {
    this.#pending = true;
    this.#rouse?.();
  }

  /** Resolves after `length`, at the next `call`, or when `signal` fires. */
  async sleep(clock: Clock, length: Millis, signal: AbortSignal): Promise<void> {
    if (!this.#pending) {
      const roused = new AbortController();
      this.#rouse = () => roused.abort();
      await clock.wait(length, AbortSignal.any([signal, roused.signal]));
      this.#rouse = undefined;
    }
    this.#pending = false;
  }
}
