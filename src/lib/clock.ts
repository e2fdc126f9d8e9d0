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

/** `clock` as it would be had nobody set it since: for waits and spans within one process, never for rows. */
export function steadyClock(clock: Clock): Clock {
  const offset = clock.now() - clock.monotonic();
  return {
    now: () => unixMs(offset + clock.monotonic()),
    monotonic: () => clock.monotonic(),
    wait: (length, signal) => clock.wait(length, signal),
  };
}

export const systemClock: Clock = {
  now: () => unixMs(Date.now()),
  monotonic: () => millis(performance.now()),
  wait,
};

/** How long it is since this was called, and `head` more. */
export function stopwatch(clock: Clock, head: Millis): () => Millis {
  const began = clock.monotonic() - head;
  return () => millis(clock.monotonic() - began);
}
