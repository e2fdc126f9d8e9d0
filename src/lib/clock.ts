import { type Millis, millis, type UnixMs, unixMs } from "../units/time.ts";
import { wait } from "./wait.ts";

/** The only source of time; tests plug in their own. */
export interface Clock {
  /** Wall time; may jump when the system's clock is set. */
  now(): UnixMs;
  /** Time since an arbitrary start; never goes back. */
  monotonic(): Millis;
  /** Resolves after `length`, or at once when `signal` fires; never rejects. */
  wait(length: Millis, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => unixMs(Date.now()),
  monotonic: () => millis(performance.now()),
  wait,
};
