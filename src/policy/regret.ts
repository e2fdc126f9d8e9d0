import type { Workload } from "../ledger/rows.ts";
import { toUsd, type UsdNano } from "../units/money.ts";
import { type Millis, toHours } from "../units/time.ts";
import { Portfolio } from "./price/portfolio.ts";
import type { Candidate, Owner } from "./types.ts";

/** Who should own the GPU, and the regret counters that say so: the rule that `rigshift replay` calls its default. */
export interface Regret {
  readonly owner: Workload;
  readonly columns: readonly Workload[];
  /** Absent before the first look. */
  readonly portfolio?: Portfolio;
  /** Hours that were accounted for. */
  readonly at: number;
}

export const startRegret = (owner: Workload): Regret => ({ owner, columns: [], at: 0 });

const LEAST_ONE_WAY_USD = 1e-9;

/** Half a round trip each way, in USD: for a cycle only the sum counts, so both directions carry its mean. */
const oneWay = (roundTripCost: UsdNano): number => Math.max(LEAST_ONE_WAY_USD, toUsd(roundTripCost) / 2);

/**
 * Adds `length` of what every candidate would have earned; the state before is left as it was. While the owner's own net
 * is unknown nothing is missed that could be counted, and it stays.
 */
export function addRegret(
  state: Regret,
  candidates: readonly Candidate[],
  length: Millis,
  roundTripCost: UsdNano,
): Regret {
  const known = candidates.filter(({ net }) => Number.isFinite(net));
  const columns = known.map(({ workload }) => workload);
  const owner = columns.indexOf(state.owner);
  if (owner < 0) return state;
  const count = columns.length;
  const kept = columns.map((workload) => indexIn(state.columns, workload));
  const portfolio = state.portfolio?.over(kept, owner) ?? new Portfolio(owner, count, 0);
  const ways = new Float64Array(count * count).fill(oneWay(roundTripCost));
  for (let one = 0; one < count; one++) ways[one * count + one] = 0;
  const hours = toHours(length);
  const at = state.at + hours;
  const ahead = Math.min(...known.map(({ holdsFor }) => (holdsFor === undefined ? 0 : toHours(holdsFor))));
  const chosen = portfolio.look({ rates: Float64Array.from(known, ({ net }) => net), oneWay: ways, at, hours, ahead });
  return { owner: columns[chosen] ?? state.owner, columns, portfolio, at };
}

function indexIn(columns: readonly Workload[], workload: Workload): number | undefined {
  const index = columns.indexOf(workload);
  return index < 0 ? undefined : index;
}

/** How far the owner's regret has come towards a switch, 0 to 1. */
export function regretShare({ owner, columns, portfolio }: Regret, roundTripCost: UsdNano): number {
  if (portfolio === undefined || columns.length < 2) return 0;
  const { work, patience } = portfolio.followed;
  const cost = patience * oneWay(roundTripCost);
  const own = work[columns.indexOf(owner)] ?? 0;
  const others = [...work].filter((_, index) => columns[index] !== owner);
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
