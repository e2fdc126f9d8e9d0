import type { LiveItem, RigClient } from "../api/client.ts";
import { createBackoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { millis, seconds } from "../units/time.ts";
import { JOBS_SHOWN, type PageAction, TRANSITIONS_SHOWN } from "./state.ts";

/** Two heartbeats and some: a stream that is quieter than this is dead, whatever TCP says. */
const LONGEST_SILENCE = seconds(35);
const VALUATIONS_EVERY = seconds(10);

export interface LiveParts {
  readonly client: Pick<RigClient, "rig" | "valuations" | "jobs" | "transitions" | "events">;
  readonly clock: Clock;
  readonly dispatch: (action: PageAction) => void;
}

async function load({ client, clock, dispatch }: LiveParts, signal: AbortSignal): Promise<void> {
  dispatch({ type: "loaded", rig: await client.rig(signal), atMs: clock.now() });
  const [valuations, jobs, transitions] = await Promise.all([
    client.valuations(signal),
    client.jobs({ limit: JOBS_SHOWN }, signal),
    client.transitions(TRANSITIONS_SHOWN, signal),
  ]);
  dispatch({ type: "lists", valuations, jobs, transitions });
}

/** Asks for the valuations again, which no event carries, at most every ten seconds. */
function createValuationReader({ client, clock, dispatch }: LiveParts): (signal: AbortSignal) => void {
  let last = clock.monotonic();
  return (signal) => {
    if (clock.monotonic() - last < VALUATIONS_EVERY) return;
    last = clock.monotonic();
    client.valuations(signal).then(
      (valuations) => dispatch({ type: "lists", valuations }),
      // The stream itself tells when the agent is gone; the table then keeps what it has.
      () => undefined,
    );
  };
}

/** Fires when `beat` was not called for the longest silence, or when `signal` does. */
function createWatchdog(
  clock: Clock,
  signal: AbortSignal,
): { readonly signal: AbortSignal; readonly beat: () => void } {
  const dead = new AbortController();
  let heard = clock.monotonic();
  const watch = async () => {
    while (!dead.signal.aborted) {
      await clock.wait(seconds(5), dead.signal);
      if (clock.monotonic() - heard > LONGEST_SILENCE) dead.abort();
    }
  };
  signal.addEventListener("abort", () => dead.abort(), { once: true });
  if (signal.aborted) dead.abort();
  void watch();
  return {
    signal: dead.signal,
    beat: () => {
      heard = clock.monotonic();
    },
  };
}

const toAction = (item: LiveItem, atMs: number): PageAction =>
  item.kind === "alive" ? { type: "alive", atMs } : { type: "event", event: item.event, atMs };

/** Keeps the page's state up with the agent until `signal` fires: loads, follows, and starts over after a break. */
export async function followRig(parts: LiveParts, signal: AbortSignal): Promise<void> {
  const { client, clock, dispatch } = parts;
  const backoff = createBackoff(millis(500), seconds(10));
  let lastId = 0;

  const followOnce = async (): Promise<void> => {
    const round = new AbortController();
    const watchdog = createWatchdog(clock, AbortSignal.any([signal, round.signal]));
    try {
      await load(parts, watchdog.signal);
      backoff.reset();
      const readValuations = createValuationReader(parts);
      for await (const item of client.events(lastId, watchdog.signal)) {
        watchdog.beat();
        if (item.kind === "event" && item.id !== null) lastId = item.id;
        dispatch(toAction(item, clock.now()));
        readValuations(watchdog.signal);
      }
    } finally {
      round.abort();
    }
  };

  while (!signal.aborted) {
    // Whatever broke the stream, the answer is the same: say so, wait, begin again.
    await followOnce().catch(() => undefined);
    if (signal.aborted) return;
    dispatch({ type: "lost", atMs: clock.now() });
    await clock.wait(backoff.next(), signal);
  }
}
