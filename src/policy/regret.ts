import { isSameWork, sayWork, toWork, type Work } from "../ledger/work.ts";
import { toUsd, type UsdNano } from "../units/money.ts";
import { type Millis, millis, toHours } from "../units/time.ts";
import type { Nearness } from "./price/paper-rule.ts";
import { type Cause, Portfolio } from "./price/portfolio.ts";
import type { Candidate, Chosen, Moved, Owner } from "./types.ts";

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
  /** Why the owner took the GPU from the one before; absent until it did. */
  readonly moved?: Moved;
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
  const { cause } = portfolio;
  const moved = cause === undefined ? state.moved : { from: state.owner, why: sayCause(cause, known) };
  return { owner: columns[chosen] ?? state.owner, columns, rates, portfolio, at, ...(moved && { moved }) };
}

function sayCause({ kind, patience, over }: Cause, known: readonly Candidate[]): string {
  const detour = over === undefined ? undefined : known[over]?.label;
  const way = detour === undefined ? "" : `, by way of ${detour}, which counts as cheaper than the direct one`;
  switch (kind) {
    case "missed":
      return `what was missed has reached ${sayPatience(patience)}${way}`;
    case "certain":
      return `what was missed and what it surely earns while prices hold have reached ${sayPatience(patience)}${way}`;
    case "usual":
      return `what it surely earns while prices hold, and what usually follows, pay for the switch${way}`;
    case "earned-more":
      return `${patience === undefined ? "weighing" : "waiting for"} ${sayPatience(patience)} has earned more of late than the rule before`;
  }
}

/** What a rule waits for; a switch is there and back. */
function sayPatience(patience: number | undefined): string {
  if (patience === undefined) return "what usually follows";
  if (patience === 1) return "a switch's cost";
  if (patience === 0.5) return "half a switch's cost";
  return patience === 0.25 ? "a quarter of a switch's cost" : `${patience} times a switch's cost`;
}

/** The owner, and why it is that. */
export const chosenBy = ({ owner, moved }: Regret): Chosen => ({ ...owner, ...(moved && { moved }) });

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

/** How far the owner's regret had come towards a switch to whichever was nearest at the last look, 0 to 1. */
export const regretShare = (state: Regret): number =>
  Math.max(0, ...state.columns.map((work) => nearnessOf(state, work).share));

function nearnessOf({ columns, portfolio }: Regret, work: Work): Nearness {
  const column = indexIn(columns, work);
  return column === undefined || portfolio === undefined ? { share: 0, foreseen: false } : portfolio.nearnessOf(column);
}

/** The owner with the sentence that says why it owns the GPU. */
export function explainOwner(state: Regret, candidates: readonly Candidate[]): Owner {
  const work = chosenBy(state);
  const own = candidates.find((one) => isSameWork(one, work));
  if (own === undefined)
    return { ...work, why: `what ${sayWork(work)} is worth is not known yet, so nothing can beat it` };
  const best = candidates.reduce((a, b) => (b.net > a.net ? b : a), own);
  if (isSameWork(best, own)) return { ...work, why: `${own.label} pays most after electricity` };
  const { share, foreseen } = nearnessOf(state, best);
  const part = Math.min(99, Math.round(share * 100));
  const patience = state.portfolio === undefined ? 1 : state.portfolio.patience;
  if (patience === undefined)
    return {
      ...work,
      why: `${best.label} pays more now, but with what usually follows that is ${part} % of the way to a switch`,
    };
  const sofar = foreseen ? "is missed or certain so far" : "has been missed so far";
  return { ...work, why: `${best.label} pays more now, but only ${part} % of ${sayPatience(patience)} ${sofar}` };
}
