import type { Workload } from "../ledger/rows.ts";
import { toUsd, type UsdNano } from "../units/money.ts";
import { type Millis, toHours } from "../units/time.ts";
import type { Candidate, Owner } from "./types.ts";

/**
 * The work function over workloads: for each, the least it could have cost to end up there, less the smallest of all.
 * For two workloads this is the regret counter that switches at one round trip.
 */
export interface Regret {
  readonly owner: Workload;
  /** USD, not rounded: a fraction of a nano-USD with every look adds up to a switch. */
  readonly work: ReadonlyMap<Workload, number>;
}

export const startRegret = (owner: Workload): Regret => ({ owner, work: new Map() });

const LEAST_ONE_WAY_USD = 1e-9;

/** Half a round trip each way, in USD: for a cycle only the sum counts, so both directions carry its mean. */
const oneWay = (roundTripCost: UsdNano): number => Math.max(LEAST_ONE_WAY_USD, toUsd(roundTripCost) / 2);

/**
 * Adds `length` of what every candidate would have earned. The owner moves only when staying has cost a round trip more
 * than leaving would have, which loses at most 2k−1 times what a clairvoyant loses (Borodin, Linial and Saks, 1992).
 * While the owner's own net is unknown nothing is missed that could be counted, and it stays.
 */
export function addRegret(
  state: Regret,
  candidates: readonly Candidate[],
  length: Millis,
  roundTripCost: UsdNano,
): Regret {
  const known = candidates.filter(({ net }) => Number.isFinite(net));
  const [first] = known;
  if (first === undefined || !known.some(({ workload }) => workload === state.owner)) return state;
  const cost = oneWay(roundTripCost);
  const best = known.reduce((a, b) => (b.net > a.net ? b : a), first);
  const previous = (workload: Workload): number => state.work.get(workload) ?? (workload === state.owner ? 0 : cost);
  const ends = known.map(({ workload, net }) => ({
    workload,
    stays: previous(workload) + (best.net - net) * toHours(length),
  }));
  const least = Math.min(...ends.map(({ stays }) => stays));
  // Taken relative to the least first, so that "a whole switch behind" is `cost` exactly.
  const work = new Map(ends.map(({ workload, stays }) => [workload, Math.min(stays - least, cost)]));
  return { owner: ownerOf(state.owner, work, best.workload, cost), work };
}

function ownerOf(owner: Workload, work: ReadonlyMap<Workload, number>, best: Workload, cost: number): Workload {
  if ((work.get(owner) ?? 0) < cost) return owner;
  return work.get(best) === 0 ? best : ([...work].find(([, amount]) => amount === 0)?.[0] ?? owner);
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
  const workload = state.owner;
  if (own === undefined) return { workload, why: `what ${workload} is worth is not known yet, so nothing can beat it` };
  const best = candidates.reduce((a, b) => (b.net > a.net ? b : a), own);
  if (best.workload === workload) return { workload, why: `${own.label} pays most after electricity` };
  const share = Math.round(regretShare(state, roundTripCost) * 100);
  return {
    workload,
    why: `${best.label} pays more now, but only ${share} % of a switch's cost has been missed so far`,
  };
}
