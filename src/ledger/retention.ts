import type { Clock } from "../lib/clock.ts";
import { after, hours, millis, seconds } from "../units/time.ts";
import type { Ledger } from "./ledger.ts";

/** One day more than the week that the wall model is fitted to. */
const KEEP = hours(8 * 24);
const EVERY = hours(1);
/** So that no other writer waits long. */
const BATCH = 5000;
const PAUSE = seconds(1);

/** Deletes shares and minute means that are older than eight days, until `signal` fires; sums keep what they held. */
export async function pruneRegularly(ledger: Ledger, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const before = after(clock.now(), millis(-KEEP));
    ledger.powerMinutes.prune(before);
    while (!signal.aborted && ledger.shares.prune(before, BATCH) === BATCH) await clock.wait(PAUSE, signal);
    await clock.wait(EVERY, signal);
  }
}
