import { INITIAL_STATE, type PageAction, type PageState, reduce } from "./state.ts";

/** Holds the page's state; only `dispatch` changes it. */
export interface Store {
  readonly get: () => PageState;
  readonly dispatch: (action: PageAction) => void;
  /** Returns the unsubscribe call. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** `schedule` runs the listeners once for all actions until then: a replay of ten minutes is one repaint. */
export function createStore(schedule: (run: () => void) => void): Store {
  let state = INITIAL_STATE;
  let isDue = false;
  const listeners = new Set<() => void>();
  const notify = () => {
    isDue = false;
    for (const listener of listeners) listener();
  };
  return {
    get: () => state,
    dispatch: (action) => {
      state = reduce(state, action);
      if (isDue) return;
      isDue = true;
      schedule(notify);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
