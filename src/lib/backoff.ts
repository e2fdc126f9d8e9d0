import { type Millis, millis } from "../units/time.ts";

/** Exponential delays from `first` to `last` with ±20 % jitter; `random` is in [0, 1). */
export interface Backoff {
  /** The delay before the next try. */
  next(): Millis;
  /** Call after a success. */
  reset(): void;
}

export function createBackoff(first: Millis, last: Millis, random: () => number = Math.random): Backoff {
  let delay: number = first;
  return {
    next: () => {
      const current = delay;
      delay = Math.min(last, delay * 2);
      return millis(current * (0.8 + 0.4 * random()));
    },
    reset: () => {
      delay = first;
    },
  };
}
