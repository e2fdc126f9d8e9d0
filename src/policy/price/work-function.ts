import { at } from "../replay/rule.ts";

/**
 * One rule's memory: for each workload, the least that ending up there could have cost, less the smallest of all. With a
 * patience of 1 and two workloads this is the regret counter that switches at one round trip, which loses at most three
 * times what a clairvoyant loses; a smaller patience follows a lead sooner, a larger one later.
 */
export interface WorkFunction {
  owner: number;
  /** USD, not rounded: a fraction of a nano-USD with every look adds up to a switch. */
  work: Float64Array;
}

/** What one look shows: rates, and what a move counts, in USD at `from * count + to`, both ways the same. */
export interface Sight {
  readonly rates: Float64Array;
  readonly best: number;
  readonly oneWay: Float64Array;
  /** Hours that these rates are accounted for. */
  readonly hours: number;
  /** Hours for which they surely hold, for all alike or at `from * count + to`. */
  readonly ahead: Ahead;
  readonly mayMove: boolean;
}

export type Ahead = number | Float64Array;

export const aheadOf = (ahead: Ahead, pair: number): number => (typeof ahead === "number" ? ahead : at(ahead, pair));

export const startWork = (owner: number, count: number): WorkFunction => ({
  owner,
  work: new Float64Array(count).fill(Number.POSITIVE_INFINITY).fill(0, owner, owner + 1),
});

/** Moves as `move` does, then accounts for the look's own hours. */
export function advance(state: WorkFunction, sight: Sight, patience: number): void {
  move(state, sight, patience);
  account(state, sight, patience);
}

/** Moves the owner where staying has cost, or surely will, a round trip more than leaving. */
export function move(state: WorkFunction, sight: Omit<Sight, "hours" | "best">, patience: number): void {
  // Before the look each place is at most one way from every other; costs may have fallen since.
  relax(state.work, sight.oneWay, patience);
  if (sight.mayMove) state.owner = moveTo(state, sight, patience);
}

/** Adds what every place has cost at these rates for so many hours. */
export function account(
  { work }: WorkFunction,
  { rates, best, oneWay, hours }: Pick<Sight, "rates" | "best" | "oneWay" | "hours">,
  patience: number,
): void {
  const most = at(rates, best);
  for (let one = 0; one < work.length; one++) work[one] = at(work, one) + (most - at(rates, one)) * hours;
  relax(work, oneWay, patience);
}

/** USD that going to a column costs beyond staying, one way there included; at 0 and below it is time to go. */
export function missing(
  { owner, work }: WorkFunction,
  { rates, ahead, column, way }: Pick<Sight, "rates" | "ahead"> & { readonly column: number; readonly way: number },
): number {
  const certain = (at(rates, column) - at(rates, owner)) * aheadOf(ahead, owner * rates.length + column);
  return at(work, column) - at(work, owner) - certain + way;
}

function moveTo(
  { owner, work }: WorkFunction,
  { rates, oneWay, ahead }: Pick<Sight, "rates" | "oneWay" | "ahead">,
  patience: number,
): number {
  const count = rates.length;
  let [to, least] = [owner, 0];
  for (let one = 0; one < count; one++) {
    if (one === owner) continue;
    const way = patience * at(oneWay, owner * count + one);
    const lead = at(rates, one) - at(rates, owner);
    if (lead < 0 || (lead === 0 && way === 0)) continue;
    const goes = missing({ owner, work }, { rates, ahead, column: one, way });
    if (goes < least || (goes === least && (to === owner || at(rates, one) > at(rates, to)))) [to, least] = [one, goes];
  }
  return to;
}

/** Nowhere is farther than the way there, and the least is 0. */
function relax(work: Float64Array, oneWay: Float64Array, patience: number): void {
  const count = work.length;
  let least = Number.POSITIVE_INFINITY;
  for (let one = 0; one < count; one++) least = Math.min(least, at(work, one));
  for (let one = 0; one < count; one++) work[one] = at(work, one) - least;
  for (let to = 0; to < count; to++)
    for (let from = 0; from < count; from++) {
      const over = at(work, from) + patience * at(oneWay, from * count + to);
      if (over < at(work, to)) work[to] = over;
    }
}
