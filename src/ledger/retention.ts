import type { Clock } from "../lib/clock.ts";
import { after, hours, millis, seconds } from "../units/time.ts";
import type { Ledger } from "./ledger.ts";

/** One day more than the week that the wall model is fitted to. */
const KEEP = hours(8 * 24);
/** The facts behind a decision are most of its row. */
const KEEP_INPUTS = hours(30 * 24);
const EVERY = hours(1);
/** As long as somebody may ask what a GPU did. */
const KEEP_MINUTES = hours(31 * 24);
/** So that no other writer waits long. */
const BATCH = 5000;
const PAUSE = seconds(1);

/**
 * Deletes shares and minute means after eight days, the facts behind decisions after thirty and the GPUs' minutes after
 * thirty-one, until `signal` fires; sums keep what was deleted.
 */
export async function pruneRegularly(ledger: Ledger, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const before = after(clock.now(), millis(-KEEP));
    const inputsBefore = after(clock.now(), millis(-KEEP_INPUTS));
    ledger.powerMinutes.prune(before);
    while (!signal.aborted && ledger.shares.prune(before, BATCH) === BATCH) await clock.wait(PAUSE, signal);
    while (!signal.aborted && ledger.decisions.forgetInputs(inputsBefore, BATCH) === BATCH) {
      await clock.wait(PAUSE, signal);
    }
    const minutesBefore = after(clock.now(), millis(-KEEP_MINUTES));
    while (!signal.aborted && ledger.gpuMinutes.prune(minutesBefore, BATCH) === BATCH) await clock.wait(PAUSE, signal);
    await clock.wait(EVERY, signal);
  }
}
