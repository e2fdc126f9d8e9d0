import { isSameWork, sayWork, toWork, type Work } from "../ledger/work.ts";
import { toUsd, type UsdNano } from "../units/money.ts";
import { type Millis, millis, toHours } from "../units/time.ts";
import { Portfolio } from "./price/portfolio.ts";
import type { Candidate, Owner } from "./types.ts";

/** Who should own the GPU, and the regret counters that say so: the rule that `rigshift replay` calls its default. */
export interface Regret {
  readonly owner: Work;
  readonly columns: readonly Work[];
  /** USD an hour of each column since the last look; absent before it, and while the owner is unknown. */
  readonly rates?: Float64Array;
  /** Absent before the first look. */
  readonly portfolio?: Portfolio;
  /** Hours that were accounted for. */
  readonly at: number;
}

/** What going from one to the other and coming back costs, now; the same whichever comes first. */
export type RoundTripCosts = (one: Work, other: Work) => UsdNano;

export const startRegret = (owner: Work): Regret => ({ owner: toWork(owner), columns: [], at: 0 });

const LEAST_ONE_WAY_USD = 1e-9;

/** Half a round trip each way, in USD: for a cycle only the sum counts, so both directions carry its mean. */
const oneWay = (roundTripCost: UsdNano): number => Math.max(LEAST_ONE_WAY_USD, toUsd(roundTripCost) / 2);

/**
 * Adds what every candidate would have earned in the `length` since the last look, at the rates of then, and looks at
 * those of now; the state before is left as it was. While the owner's own net is unknown nothing is missed that could be
 * counted, and it stays.
 */
export function addRegret(
  state: Regret,
  candidates: readonly Candidate[],
  length: Millis,
  costs: RoundTripCosts,
): Regret {
  const known = candidates.filter(({ net }) => Number.isFinite(net));
  const columns = known.map(toWork);
  const owner = columns.findIndex((work) => isSameWork(work, state.owner));
  if (owner < 0) return forgetRates(state);
  const kept = columns.map((work) => indexIn(state.columns, work));
  const portfolio = state.portfolio?.over(kept, owner) ?? new Portfolio(owner, columns.length, 0);
  const hours = state.rates === undefined ? 0 : toHours(length);
  const at = state.at + hours;
  const rates = Float64Array.from(known, ({ net }) => net);
  // A newcomer's earlier rate is nobody's loss: it has to earn its lead from now on.
  const past = rates.map((rate, index) => state.rates?.[kept[index] ?? -1] ?? rate);
  const ahead = overPairs(known, (one, other) => toHours(holdsWith(one, other)));
  const ways = overPairs(columns, (one, other) => oneWay(costs(one, other)));
  const chosen = portfolio.look({ rates, oneWay: ways, at, hours, past, ahead });
  return { owner: columns[chosen] ?? state.owner, columns, rates, portfolio, at };
}

function forgetRates({ rates: _, ...state }: Regret): Regret {
  return state;
}

/** The difference of two rates is certain while both of them hold. */
const holdsWith = (one: Candidate, other: Candidate): Millis =>
  millis(Math.min(one.holdsWith?.(other) ?? 0, other.holdsWith?.(one) ?? 0));

/** What holds of two of them at `from * count + to`; 0 of one with itself. */
function overPairs<T>(columns: readonly T[], of: (one: T, other: T) => number): Float64Array {
  const count = columns.length;
  const values = new Float64Array(count * count);
  for (const [from, one] of columns.entries())
    for (const [to, other] of columns.entries()) if (from !== to) values[from * count + to] = of(one, other);
  return values;
}

function indexIn(columns: readonly Work[], work: Work): number | undefined {
  const index = columns.findIndex((one) => isSameWork(one, work));
  return index < 0 ? undefined : index;
}

/** How far the owner's regret has come towards a switch to whichever is nearest, 0 to 1. */
export function regretShare({ owner, columns, portfolio }: Regret, costs: RoundTripCosts): number {
  if (portfolio === undefined || columns.length < 2) return 0;
  const { work, patience } = portfolio.followed;
  const own = work[columns.findIndex((one) => isSameWork(one, owner))] ?? 0;
  const shares = columns.map((other, index) => {
    if (isSameWork(other, owner)) return 0;
    const cost = patience * oneWay(costs(owner, other));
    return (own - (work[index] ?? Number.POSITIVE_INFINITY) + cost) / (2 * cost);
  });
  return Math.max(0, Math.min(1, Math.max(...shares)));
}

/** The owner with the sentence that says why it owns the GPU. */
export function explainOwner(state: Regret, candidates: readonly Candidate[], costs: RoundTripCosts): Owner {
  const work = toWork(state.owner);
  const own = candidates.find((one) => isSameWork(one, work));
  if (own === undefined)
    return { ...work, why: `what ${sayWork(work)} is worth is not known yet, so nothing can beat it` };
  const best = candidates.reduce((a, b) => (b.net > a.net ? b : a), own);
  if (isSameWork(best, work)) return { ...work, why: `${own.label} pays most after electricity` };
  const share = Math.round(regretShare(state, costs) * 100);
  return {
    ...work,
    why: `${best.label} pays more now, but only ${share} % of a switch's cost has been missed so far`,
  };
}
