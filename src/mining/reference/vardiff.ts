import { type Millis, millis } from "../../units/time.ts";
import { type Difficulty, difficulty } from "../../units/work.ts";

/** Vardiff of one connection, in that connection's monotonic time. */
export interface Vardiff {
  readonly difficulty: Difficulty;
  /** Below this it never goes by itself: a paused miner sends nothing either, and must not come back to a flood. */
  readonly floor: Difficulty;
  /** When the current window began. */
  readonly since: Millis;
  /** Shares accepted in the current window. */
  readonly shares: number;
}

/** About two shares a second at 1 MH/s: few enough not to flood, enough to learn from within seconds. */
const FIRST = difficulty(1e-4);
const LOWEST = 1e-7;
const HIGHEST = 2 ** 40;
const WANTED_INTERVAL = 3000;
const FASTEST = 2000;
const SLOWEST = 5000;
const MAX_STEP = 8;
/** A flood is judged from this many shares (one sigma is 35 %) … */
const FLOOD_SHARES = 8;
const FLOOD_INTERVAL = 1000;
/** … and everything else from a window this long, whatever it holds. */
const WINDOW = millis(40_000);

const clamp = (value: number, low: number): Difficulty => difficulty(Math.min(HIGHEST, Math.max(low, value)));

/** Starts at the miner's own suggestion, or low. */
export function startVardiff(now: Millis, suggested?: Difficulty): Vardiff {
  const first = suggested === undefined ? FIRST : clamp(suggested, LOWEST);
  const floor = suggested === undefined ? difficulty(LOWEST) : clamp(first / MAX_STEP, LOWEST);
  return { difficulty: first, floor, since: now, shares: 0 };
}

export const countShare = (state: Vardiff): Vardiff => ({ ...state, shares: state.shares + 1 });

/** The state after a look at `now`: unchanged, or a new window at a difficulty at most eight times away. */
export function retarget(state: Vardiff, now: Millis): Vardiff {
  const window = Math.max(1, now - state.since);
  const interval = window / Math.max(1, state.shares);
  const flood = state.shares >= FLOOD_SHARES && interval < FLOOD_INTERVAL;
  if (!flood && window < WINDOW) return state;
  const next = { ...state, since: now, shares: 0 };
  if (interval >= FASTEST && interval <= SLOWEST) return next;
  const factor = Math.min(MAX_STEP, Math.max(1 / MAX_STEP, WANTED_INTERVAL / interval));
  return { ...next, difficulty: clamp(state.difficulty * factor, state.floor) };
}
