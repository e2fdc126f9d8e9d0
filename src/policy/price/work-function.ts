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
  /** Hours that these rates are accounted for, and for which they surely hold, which is no less. */
  readonly hours: number;
  readonly ahead: number;
  readonly mayMove: boolean;
}

export const startWork = (owner: number, count: number): WorkFunction => ({
  owner,
  work: new Float64Array(count).fill(Number.POSITIVE_INFINITY).fill(0, owner, owner + 1),
});

/** Accounts for one look and moves the owner where staying has cost, or surely will, a round trip more than leaving. */
export function advance(state: WorkFunction, sight: Sight, patience: number): void {
  const { rates, best, oneWay, hours } = sight;
  const { work } = state;
  const count = rates.length;
  const most = at(rates, best);
  // Before the look each place is at most one way from every other; costs may have fallen since.
  relax(work, oneWay, patience);
  if (sight.mayMove) state.owner = moveTo(state, sight, patience);
  for (let one = 0; one < count; one++) work[one] = at(work, one) + (most - at(rates, one)) * hours;
  relax(work, oneWay, patience);
}

function moveTo({ owner, work }: WorkFunction, { rates, best, oneWay, ahead }: Sight, patience: number): number {
  const count = rates.length;
  const most = at(rates, best);
  const stays = at(work, owner) + (most - at(rates, owner)) * ahead;
  let [to, least] = [owner, stays];
  for (let one = 0; one < count; one++) {
    if (one === owner) continue;
    const way = patience * at(oneWay, owner * count + one);
    const goes = at(work, one) + (most - at(rates, one)) * ahead + way;
    const lead = at(rates, one) - at(rates, owner);
    if (lead < 0 || (lead === 0 && way === 0)) continue;
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
