import type { Outcome } from "./outcome.ts";

/** One attempt to take all of a set's GPUs. */
export interface Turn {
  /** Fires once it is no more about getting the GPUs. */
  readonly over: AbortController;
  readonly done: Promise<Outcome>;
  readonly settle: (outcome: Outcome) => void;
}

export function openTurn(): Turn {
  const { promise: done, resolve: settle } = Promise.withResolvers<Outcome>();
  return { over: new AbortController(), done, settle };
}
