import { nextSlotStart } from "../energy/slots.ts";
import type { Clock } from "../lib/clock.ts";
import { elapsed, millis, minutes } from "../units/time.ts";

/** The clock may be set meanwhile; within this time the next start is looked up anew. */
const LOOK_AGAIN = minutes(1);

/** Calls `read` at every start of a tariff slot until `signal` fires; never rejects unless `read` does. */
export async function atSlotStarts(clock: Clock, read: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  let due = nextSlotStart(clock.now());
  while (!signal.aborted) {
    await clock.wait(millis(Math.max(0, Math.min(LOOK_AGAIN, elapsed(clock.now(), due)))), signal);
    if (signal.aborted) return;
    const next = nextSlotStart(clock.now());
    if (next > due) await read();
    due = next;
  }
}
