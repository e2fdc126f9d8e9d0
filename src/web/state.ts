import type { JobView, ModeName, RigEvent, RigView, TransitionView, ValuationView } from "../api/shapes.ts";
import { addToHistory, type History } from "./history.ts";
import { toTone, toToneLabel } from "./tone.ts";

export const JOBS_SHOWN = 12;
export const TRANSITIONS_SHOWN = 12;

/** How the page stands with the agent. */
export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** `lostMs`: when the page noticed; `heardMs`: when the agent last gave a sign, if it ever did. */
  | { readonly kind: "lost"; readonly lostMs: number; readonly heardMs: number | null };

/** Where the operator's wish for another mode stands. */
export type Wish =
  | { readonly kind: "none" }
  | { readonly kind: "asking"; readonly mode: ModeName; readonly wasRefused: boolean }
  | { readonly kind: "sending"; readonly mode: ModeName }
  /** Recorded by the agent; `sentMs`, in its clock, bounds how long its next picture may take to show it. */
  | { readonly kind: "pending"; readonly mode: ModeName; readonly sentMs: number }
  | { readonly kind: "failed"; readonly mode: ModeName; readonly reason: string };

/** Everything the page shows, apart from the time that ticks. Times of the browser's own clock end in `Ms` and are said to. */
export interface PageState {
  readonly rig: RigView | null;
  /** The agent's clock less the browser's. */
  readonly skewMs: number;
  readonly valuations: readonly ValuationView[];
  readonly jobs: readonly JobView[];
  readonly transitions: readonly TransitionView[];
  readonly history: History;
  readonly link: Link;
  /** Browser time of the last sign of life. */
  readonly heardMs: number | null;
  readonly wish: Wish;
  /** The newest change of state in words, for screen readers. */
  readonly announcement: string;
}

export type PageAction =
  | { readonly type: "loaded"; readonly rig: RigView; readonly atMs: number }
  | {
      readonly type: "lists";
      readonly valuations?: readonly ValuationView[];
      readonly jobs?: readonly JobView[];
      readonly transitions?: readonly TransitionView[];
    }
  | { readonly type: "event"; readonly event: RigEvent; readonly atMs: number }
  | { readonly type: "alive"; readonly atMs: number }
  | { readonly type: "lost"; readonly atMs: number }
  | { readonly type: "wish"; readonly wish: Wish }
  | { readonly type: "mode"; readonly mode: ModeName };

export const INITIAL_STATE: PageState = {
  rig: null,
  skewMs: 0,
  valuations: [],
  jobs: [],
  transitions: [],
  history: new Map(),
  link: { kind: "connecting" },
  heardMs: null,
  wish: { kind: "none" },
  announcement: "",
};

/** The rows with `row` added or replaced, newest first, cut to `length`. */
function upsert<T>(rows: readonly T[], row: T, keyOf: (row: T) => string | number, length: number): readonly T[] {
  const index = rows.findIndex((other) => keyOf(other) === keyOf(row));
  if (index >= 0) return rows.with(index, row);
  return [row, ...rows].slice(0, length);
}

/** What a listener should hear when `after` follows `before`; empty when nothing of note changed. */
export function describeChange(before: RigView | null, after: RigView): string {
  if (!before) return "";
  const changes = after.gpus.flatMap((gpu) => {
    const old = before.gpus.find(({ uuid }) => uuid === gpu.uuid);
    if (!old || toTone(old) === toTone(gpu)) return [];
    return [`${gpu.name}: ${toToneLabel(toTone(gpu)).toLowerCase()}.`];
  });
  if (before.mode !== after.mode) changes.unshift(`Mode is now ${after.mode}.`);
  return changes.join(" ");
}

/** Another order may have overtaken ours; what the rig shows by then is the truth. */
const LONGEST_PENDING_MS = 5000;

const settle = (wish: Wish, rig: RigView): Wish =>
  wish.kind === "pending" && (rig.mode === wish.mode || rig.nowMs - wish.sentMs > LONGEST_PENDING_MS)
    ? { kind: "none" }
    : wish;

/** An older picture, replayed from the agent's memory, only fills the charts. */
function showRig(state: PageState, rig: RigView, atMs: number): PageState {
  const history = addToHistory(state.history, rig);
  if (state.rig && rig.nowMs < state.rig.nowMs && rig.startedMs === state.rig.startedMs) return { ...state, history };
  const announcement = describeChange(state.rig, rig) || state.announcement;
  return { ...state, rig, history, skewMs: rig.nowMs - atMs, announcement, wish: settle(state.wish, rig) };
}

function onEvent(state: PageState, event: RigEvent, atMs: number): PageState {
  switch (event.type) {
    case "rig":
      return showRig(state, event.rig, atMs);
    case "decision":
      // Why a GPU does what it does stands on its card, which the next picture of the rig brings.
      return state;
    case "transition":
      return {
        ...state,
        transitions: upsert(state.transitions, event.transition, ({ id }) => id, TRANSITIONS_SHOWN),
      };
    case "job":
      return { ...state, jobs: upsert(state.jobs, event.job, ({ jobId }) => jobId, JOBS_SHOWN) };
  }
}

function onLife(state: PageState, atMs: number): PageState {
  const isBack = state.link.kind === "lost";
  const announcement = isBack ? "The agent answers again." : state.announcement;
  return { ...state, heardMs: atMs, announcement, link: state.link.kind === "live" ? state.link : { kind: "live" } };
}

function onLost(state: PageState, atMs: number): PageState {
  if (state.link.kind === "lost") return state;
  return {
    ...state,
    link: { kind: "lost", lostMs: atMs, heardMs: state.heardMs },
    announcement: "The agent does not answer.",
  };
}

/** The picture with the new mode may have come before the answer to the order did. */
const toPending = ({ rig }: PageState, mode: ModeName): Wish =>
  rig === null || rig.mode === mode ? { kind: "none" } : { kind: "pending", mode, sentMs: rig.nowMs };

/** The only way the page's state changes. Pure. */
export function reduce(state: PageState, action: PageAction): PageState {
  switch (action.type) {
    case "loaded": {
      const { rig, atMs } = action;
      const announcement = describeChange(state.rig, rig);
      const next = { ...state, rig, skewMs: rig.nowMs - atMs, wish: settle(state.wish, rig) };
      return { ...onLife(next, atMs), ...(announcement && { announcement }) };
    }
    case "lists": {
      const { valuations = state.valuations, jobs = state.jobs, transitions = state.transitions } = action;
      return {
        ...state,
        valuations,
        jobs: jobs.slice(0, JOBS_SHOWN),
        transitions: transitions.slice(0, TRANSITIONS_SHOWN),
      };
    }
    case "event":
      return onEvent(onLife(state, action.atMs), action.event, action.atMs);
    case "alive":
      return onLife(state, action.atMs);
    case "lost":
      return onLost(state, action.atMs);
    case "wish":
      return { ...state, wish: action.wish };
    case "mode":
      return { ...state, wish: toPending(state, action.mode) };
  }
}

/** Shorter breaks heal before anyone needs to know. */
const QUIET_BREAK_MS = 1500;

/** Since when the agent does not answer, in browser time; undefined while it does, or may be about to. */
export function silentSince({ link }: PageState, nowMs: number): number | undefined {
  if (link.kind !== "lost" || nowMs - link.lostMs < QUIET_BREAK_MS) return undefined;
  return link.heardMs ?? link.lostMs;
}
