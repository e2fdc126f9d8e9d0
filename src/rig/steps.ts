import type { HandoverState, Rung, Workload } from "../ledger/rows.ts";

export type Step =
  | "close-gate"
  | "drain"
  | "pause-miner"
  | "verify-quiet"
  | "stop-miner"
  | "start-miner"
  | "first-share"
  | "start-engine"
  | "open-gate";

/** What is up on the GPU as the handover starts. */
export interface Residents {
  readonly miner: boolean;
  readonly engine: boolean;
}

/** The state of the GPU while a step runs. */
export const STATE_OF: Readonly<Record<Step, HandoverState>> = {
  "close-gate": "draining",
  drain: "draining",
  "pause-miner": "releasing",
  "stop-miner": "releasing",
  "verify-quiet": "verifying-free",
  "start-miner": "acquiring",
  "start-engine": "acquiring",
  "first-share": "warming",
  "open-gate": "warming",
};

/** The cheapest rung: both sides stay resident while both are up, else something starts cold. */
export function rungFor(to: Workload, residents: Residents): Rung {
  if (to === "none") return "cold";
  return residents.miner && residents.engine ? "freeze" : "cold";
}

/** The steps that take one GPU from `from` to `to`; each is safe to repeat. */
export function stepsFor(from: Workload, to: Workload, residents: Residents): readonly Step[] {
  // Requests of an earlier assignment that could not be revoked may still run.
  const settle: readonly Step[] = from === "none" && to === "hashing" ? ["drain"] : [];
  return [...settle, ...leave(from, to), ...enter(to, residents)];
}

function leave(from: Workload, to: Workload): readonly Step[] {
  if (from === "hashing") return to === "none" ? ["stop-miner"] : ["pause-miner", "verify-quiet"];
  if (from === "inference") return to === "none" ? ["close-gate", "drain", "stop-miner"] : ["close-gate", "drain"];
  // A miner that once would not stop is stopped again.
  return to === "none" ? ["stop-miner"] : [];
}

function enter(to: Workload, residents: Residents): readonly Step[] {
  if (to === "hashing") return residents.miner ? ["start-miner"] : ["start-miner", "first-share"];
  if (to === "inference") return ["start-engine", "open-gate"];
  return [];
}
