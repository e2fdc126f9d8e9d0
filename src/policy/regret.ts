import type { Workload } from "../ledger/rows.ts";
import { earnedOver, type UsdNano, usdNano, usdPerHour } from "../units/money.ts";
import type { Millis } from "../units/time.ts";
import type { Candidate, Owner } from "./types.ts";

/**
 * The work function over workloads: for each, the least it could have cost to end up there, less the smallest of all.
 * For two workloads this is the regret counter that switches at one round trip.
 */
export interface Regret {
  readonly owner: Workload;
  readonly work: ReadonlyMap<Workload, UsdNano>;
}

export const startRegret = (owner: Workload): Regret => ({ owner, work: new Map() });

/** Half a round trip each way: for a cycle only the sum counts, so both directions carry its mean. */
const oneWay = (roundTripCost: UsdNano): UsdNano => usdNano(Math.max(1, roundTripCost / 2));

/**
 * Adds `length` of what every candidate would have earned. The owner moves only when staying has cost a round trip more
 * than leaving would have, which loses at most 2k−1 times what a clairvoyant loses (Borodin, Linial and Saks, 1992).
 */
export function addRegret(
  state: Regret,
  candidates: readonly Candidate[],
  length: Millis,
  roundTripCost: UsdNano,
): Regret {
  const first = candidates[0];
  if (first === undefined) return state;
  const cost = oneWay(roundTripCost);
  const best = candidates.reduce((a, b) => (b.net > a.net ? b : a), first);
  const previous = (workload: Workload): number => state.work.get(workload) ?? (workload === state.owner ? 0 : cost);
  const ends = candidates.map(({ workload, net }) => ({
    workload,
    stays: previous(workload) + earnedOver(usdPerHour(best.net - net), length),
  }));
  const work = ends.map(({ workload }) => ({
    workload,
    cost: Math.min(...ends.map((from) => from.stays + (from.workload === workload ? 0 : cost))),
  }));
  const least = Math.min(...work.map((entry) => entry.cost));
  const relative = new Map(work.map((entry) => [entry.workload, usdNano(entry.cost - least)]));
  return { owner: ownerOf(state.owner, relative, best.workload, cost), work: relative };
}

function ownerOf(owner: Workload, work: ReadonlyMap<Workload, UsdNano>, best: Workload, cost: UsdNano): Workload {
  const stay = work.get(owner);
  // A stale quote or a missing benchmark is no reason to move.
  if (stay === undefined) return owner;
  const ahead = work.get(best) === 0 ? best : ([...work].find(([, amount]) => amount === 0)?.[0] ?? owner);
  return cost <= stay ? ahead : owner;
}

/** How far the owner's regret has come towards a switch, 0 to 1. */
export function regretShare(state: Regret, roundTripCost: UsdNano): number {
  const cost = oneWay(roundTripCost);
  const own = state.work.get(state.owner) ?? 0;
  const others = [...state.work].filter(([workload]) => workload !== state.owner).map(([, amount]) => amount);
  if (others.length === 0) return 0;
  return Math.max(0, Math.min(1, (own - Math.min(...others) + cost) / (2 * cost)));
}

/** The owner with the sentence that says why it owns the GPU. */
export function explainOwner(state: Regret, candidates: readonly Candidate[], roundTripCost: UsdNano): Owner {
  const own = candidates.find(({ workload }) => workload === state.owner);
  const best = candidates.reduce<Candidate | undefined>(
    (a, b) => (a === undefined || b.net > a.net ? b : a),
    undefined,
  );
  const workload = state.owner;
  if (best === undefined || own === undefined) return { workload, why: "no workload has a known value yet" };
  if (best.workload === workload) return { workload, why: `${own.label} pays most after electricity` };
  const share = Math.round(regretShare(state, roundTripCost) * 100);
  return {
    workload,
    why: `${best.label} pays more now, but only ${share} % of a switch's cost has been missed so far`,
  };
}
