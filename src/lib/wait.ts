import { type Millis, millis } from "../units/time.ts";

/** A longer timer fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Resolves after `length`, or at once when `signal` fires; never rejects and keeps no timer behind. */
export function wait(length: Millis, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  if (length > LONGEST_TIMER)
    return wait(millis(LONGEST_TIMER), signal).then(() => wait(millis(length - LONGEST_TIMER), signal));
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, length);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** A signal that fires when `signal` does, or after `length`: the deadline of one outside call. */
export const withDeadline = (signal: AbortSignal, length: Millis): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(Math.min(LONGEST_TIMER, Math.max(0, Math.ceil(length))))]);
