import type { Clock } from "../lib/clock.ts";
import { type Millis, millis, seconds } from "../units/time.ts";

/**
 * From the order to stop to the end of the agent, whatever hangs: `docker stop` kills after 10 s, Hive OS after 15 s.
 * What is not done by then is in the ledger, and the next start goes on with it.
 */
export const STOP_WITHIN: Millis = seconds(9);

/** From then on what was asked to end is made to, which leaves time to book it and to set the GPU back. */
const POLITE_FOR: Millis = millis(STOP_WITHIN - seconds(3));

/** How long what others run may take to be stopped. */
const EXTERNAL_FOR: Millis = millis(POLITE_FOR - seconds(2));

/** What ends a run: whoever called the agent, or the first fault of its own. */
export class RunEnd {
  readonly #stop = new AbortController();
  #fault: { readonly error: unknown } | undefined;
  /** Fires for either. */
  readonly signal: AbortSignal;

  constructor(called: AbortSignal) {
    this.signal = AbortSignal.any([called, this.#stop.signal]);
  }

  readonly onFault = (error: unknown): void => {
    this.#fault ??= { error };
    this.stop();
  };

  stop(): void {
    this.#stop.abort();
  }

  /** Throws the first fault, where there was one. */
  throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
  }
}

/** Whatever hangs, an agent that was told to stop ends in time; whoever called then ends the process. */
export async function endInTime<T>(run: Promise<T>, clock: Clock, signal: AbortSignal): Promise<T | "late"> {
  const over = new AbortController();
  const late = new Promise<"late">((resolve) =>
    whenAborted(signal, () => void clock.wait(STOP_WITHIN, over.signal).then(() => resolve("late"))),
  );
  try {
    return await Promise.race([run, late]);
  } finally {
    over.abort();
    run.catch(() => {
      // What fails after its time has nobody to tell.
    });
  }
}

function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}

/** The two moments of one GPU's leave, counted from the order: a handover under way takes time to be broken off. */
export class StopTime {
  readonly #polite = new AbortController();
  readonly #external = new AbortController();
  readonly #over = new AbortController();

  constructor(clock: Clock, stop: AbortSignal) {
    whenAborted(stop, () => {
      void clock.wait(POLITE_FOR, this.#over.signal).then(() => this.#polite.abort());
      void clock.wait(EXTERNAL_FOR, this.#over.signal).then(() => this.#external.abort());
    });
  }

  /** Fires when what was asked to end is made to. */
  get politeUntil(): AbortSignal {
    return this.#polite.signal;
  }

  /** Resolves with `end`, or when no more time is left for it. */
  async withinExternal(end: Promise<void>): Promise<void> {
    const { signal } = this.#external;
    if (signal.aborted) return;
    const late = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([end, late]);
  }

  /** All has been left: nothing is counted any more. */
  done(): void {
    this.#over.abort();
  }
}
