import type { HandoverState, Rung, Workload } from "../ledger/rows.ts";
import { type Millis, minutes, seconds } from "../units/time.ts";
import type { Residence } from "./ladder.ts";

export type Step =
  | "close-gate"
  | "drain"
  | "revoke"
  | "pause-miner"
  | "verify-quiet"
  | "stop-miner"
  | "remove-miner"
  | "sleep-engine"
  | "stop-engine"
  | "remove-engine"
  | "verify-free"
  | "claim-power"
  | "stock-settings"
  | "mining-settings"
  | "serving-settings"
  | "start-miner"
  | "first-share"
  | "start-engine"
  | "open-gate"
  | "start-external";

/** What is up on the GPU as the handover starts. */
export interface Residents {
  readonly miner: boolean;
  /** Whether the miner that is up is that of another flight sheet than the one to come. */
  readonly otherMiner?: boolean;
  /** Awake or asleep. */
  readonly engine: boolean;
  /** Whether a container of the one to come waits, stopped. */
  readonly kept?: boolean;
  /** Whether the miner of an earlier agent hashes on, which can only be stopped or taken over. */
  readonly leftMiner?: boolean;
}

/** The state of the GPU while a step runs. */
export const STATE_OF: Readonly<Record<Step, HandoverState>> = {
  "close-gate": "draining",
  drain: "draining",
  revoke: "draining",
  "pause-miner": "releasing",
  "stop-miner": "releasing",
  "remove-miner": "releasing",
  "sleep-engine": "releasing",
  "stop-engine": "releasing",
  "remove-engine": "releasing",
  "verify-quiet": "verifying-free",
  "verify-free": "verifying-free",
  "claim-power": "acquiring",
  "stock-settings": "releasing",
  "mining-settings": "warming",
  "serving-settings": "acquiring",
  "start-miner": "acquiring",
  "start-engine": "acquiring",
  "first-share": "warming",
  "open-gate": "warming",
  "start-external": "warming",
};

/** After this a step has failed, whatever hangs; above what its parts allow themselves. */
export const DEADLINE_OF: Readonly<Record<Step, Millis>> = {
  "close-gate": seconds(5),
  // Drains know their own deadline, which the operator sets.
  drain: minutes(70),
  revoke: seconds(10),
  "pause-miner": seconds(10),
  "stop-miner": minutes(1),
  "remove-miner": minutes(1),
  "sleep-engine": minutes(2),
  "stop-engine": minutes(1),
  "remove-engine": minutes(1),
  "verify-quiet": seconds(15),
  "verify-free": seconds(15),
  "claim-power": minutes(2),
  // Where one tool sets all GPUs, a rig of twelve takes turns.
  "stock-settings": minutes(3),
  "mining-settings": minutes(3),
  "serving-settings": minutes(3),
  "start-miner": minutes(10),
  "start-engine": minutes(20),
  "first-share": minutes(6),
  "open-gate": seconds(5),
  // Waits for the other GPUs of its set and for the hook, which know their own deadlines.
  "start-external": minutes(45),
};

export interface Route {
  readonly from: Workload;
  readonly to: Workload;
}

/** The rung that a handover takes: both sides stay, the engine sleeps, or something starts, warm or cold. */
export function rungFor(to: Workload, residents: Residents, residence: Residence = "freeze"): Rung {
  if (to !== "hashing" && to !== "inference") return "cold";
  const { miner, engine, kept } = residents;
  if (residence === "freeze" && miner && engine) return "freeze";
  if (residence === "sleep" && engine) return "sleep";
  const isUp = to === "hashing" ? miner : engine;
  return kept === true || (isUp && residence !== "freeze") ? "warm" : "cold";
}

/** The steps that take one GPU from `from` to `to`; each is safe to repeat. */
export function stepsFor({ from, to }: Route, residents: Residents, residence: Residence = "freeze"): readonly Step[] {
  const route = { from, to };
  return [
    ...settle(route, residents),
    ...leave(route, residence),
    ...makeRoom(route, residents, residence),
    ...(residents.otherMiner === true && from !== "hashing" ? (["stop-miner"] as const) : []),
    ...enter(to, residents),
  ];
}

/** From rest: requests of an earlier assignment that could not be revoked may still run, and load needs its power. */
function settle({ from, to }: Route, { leftMiner }: Residents): readonly Step[] {
  if (from === "hashing" || from === "inference") return [];
  if (to === "hashing") return ["drain", "claim-power"];
  if (to !== "inference") return [];
  return leftMiner ? ["stop-miner", "verify-free", "claim-power"] : ["claim-power"];
}

/** Everything of ours goes at once, and nothing is expected of the GPU: for one that is lost, or that a guest has. */
export const EVICTION: readonly Step[] = ["close-gate", "revoke", "stop-miner", "stop-engine", "stock-settings"];

/** Load stops first, then settings go back to stock, and only then a program ends: a tuned card that is stopped falls off. */
const ASIDE: Readonly<Record<Residence, readonly [miner: readonly Step[], engine: readonly Step[]]>> = {
  freeze: [["pause-miner", "stock-settings", "verify-quiet"], ["stock-settings"]],
  sleep: [
    ["stock-settings", "stop-miner", "verify-free"],
    ["stock-settings", "sleep-engine", "verify-free"],
  ],
  warm: [
    ["stock-settings", "stop-miner", "verify-free"],
    ["stock-settings", "stop-engine", "verify-free"],
  ],
};

function leave({ from, to }: Route, residence: Residence): readonly Step[] {
  const [miner, engine] = ASIDE[residence];
  if (to === "external") return leaveForExternal(from);
  // From one flight sheet to another, one miner ends before the next begins.
  if (from === "hashing")
    return to === "none" || to === "hashing" ? ["stock-settings", "stop-miner", "verify-free"] : miner;
  if (from === "inference") return ["close-gate", "drain", ...(to === "none" ? END_OF_SERVING : engine)];
  // A miner that once would not stop is stopped again.
  return to === "none" ? ["stop-miner"] : [];
}

/** What others run gets the whole GPU. */
function leaveForExternal(from: Workload): readonly Step[] {
  if (from === "hashing") return ["stock-settings", "stop-miner"];
  if (from === "inference") return ["close-gate", "drain", "stock-settings", "stop-miner"];
  // A request that an earlier call of the set spared may still be answered.
  return ["drain", "stop-miner"];
}

const END_OF_SERVING: readonly Step[] = ["stock-settings", "stop-miner"];

/** From rest nothing has to go first, unless something stayed that leaves no room. */
function makeRoom({ from, to }: Route, residents: Residents, residence: Residence): readonly Step[] {
  if (residence === "freeze" || from === "hashing" || from === "inference") return [];
  const [miner, engine] = ASIDE[residence];
  if (to === "hashing" && residents.engine) return engine;
  return to === "inference" && residents.miner ? miner : [];
}

function enter(to: Workload, residents: Residents): readonly Step[] {
  // Stock settings through a miner's start, which may build tables for its coin.
  if (to === "hashing")
    return residents.miner ? ["start-miner", "mining-settings"] : ["start-miner", "first-share", "mining-settings"];
  if (to === "inference") return ["serving-settings", "start-engine", "open-gate"];
  if (to === "external") return ["stop-engine", "verify-free", "claim-power", "start-external"];
  return [];
}

export interface Fallback {
  readonly steps: readonly Step[];
  /** The rung that has just failed, where one has. */
  readonly bars?: Residence;
}

/** What to try when `step` failed: one rung down. Undefined where nothing is left to try. */
export function fallbackOf(
  step: Step,
  { from, to }: Route,
  residents: Residents,
  residence: Residence,
): Fallback | undefined {
  const sleeps = residence === "sleep";
  switch (step) {
    case "pause-miner":
    case "verify-quiet":
      return { steps: ["stop-miner", "verify-free"], bars: "freeze" };
    case "start-miner":
      return residents.miner ? { steps: ["stop-miner", "start-miner", "first-share"], bars: "freeze" } : undefined;
    case "sleep-engine":
      return { steps: ["stop-engine"], bars: "sleep" };
    case "start-engine":
      return sleeps && residents.engine ? { steps: ["stop-engine", "start-engine"], bars: "sleep" } : undefined;
    case "verify-free":
      if (to === "external") return { steps: ["remove-miner", "remove-engine", "verify-free"] };
      if (from === "hashing") return { steps: ["remove-miner", "verify-free"] };
      if (to !== "hashing") return undefined;
      return sleeps
        ? { steps: ["stop-engine", "verify-free"], bars: "sleep" }
        : { steps: ["remove-engine", "verify-free"] };
    default:
      return undefined;
  }
}
