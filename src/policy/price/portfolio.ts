import { at, bestOf } from "../replay/rule.ts";
import { type Ahead, account, aheadOf, move, startWork, type WorkFunction } from "./work-function.ts";

/** One way of being patient: how many round trips a lead has to be worth, and whether ways back count at their usual cost. */
interface Temper {
  readonly patience: number;
  readonly usual: boolean;
}

const EAGER: Temper = { patience: 0.25, usual: false };
/** The regret counter, which at constant costs nobody can beat by more than three times however prices move. */
const EVEN: Temper = { patience: 1, usual: true };
/** Steady quotes want little patience, noisy ones much. */
const TEMPERS: readonly Temper[] = [
  EVEN,
  EAGER,
  { patience: 0.5, usual: false },
  { patience: 1, usual: false },
  { patience: 2, usual: true },
  { patience: 4, usual: true },
];

/** A rule is left when another has earned this many round trips more in its stead. */
const TRUST = 4;
/** Hours over which the usual cost of a switch is averaged. */
const MEMORY = 168;
/** Quotes that hold this many round trips are mostly certain, and eagerness is the better first guess. */
const CERTAIN = 2;

interface Shadow extends Temper {
  readonly state: WorkFunction;
  movedAt: number;
  /** USD that it has earned less than the best of all; counted no further than where it would be left. */
  behind: number;
}

/** What one look shows. */
export interface PortfolioLook {
  readonly rates: Float64Array;
  /** USD of a move at `from * count + to`, now, both ways the same. */
  readonly oneWay: Float64Array;
  /** Hours on a steady clock. */
  readonly at: number;
  /** Accounted for at `past`, the rates of the hours before this look; without it, at `rates` from now on. */
  readonly hours: number;
  readonly past?: Float64Array | undefined;
  /** Hours for which the difference of two rates surely holds, for all alike or at `from * count + to`. */
  readonly ahead: Ahead;
}

/**
 * Regret counters of different patience run side by side on paper, and the GPU follows the one that has earned most: as
 * quick as greedy where quotes hold, as slow as the noise asks where they do not. Owned by whoever calls `look`.
 */
export class Portfolio {
  readonly #minDwell: number;
  readonly #shadows: readonly Shadow[];
  /** What each move has cost on average, and half of that with half of what it costs now. */
  readonly #usual: Float64Array;
  readonly #halfUsual: Float64Array;
  /** Hours behind the usual costs; 0 before the first look. */
  #seen = 0;
  #followed: Shadow;
  #guesses = true;

  /** `minDwell` in hours. */
  constructor(owner: number, count: number, minDwell: number) {
    this.#minDwell = minDwell;
    this.#usual = new Float64Array(count * count);
    this.#halfUsual = new Float64Array(count * count);
    this.#shadows = TEMPERS.map((temper) => startShadow(temper, startWork(owner, count)));
    this.#followed = this.#shadows[0] ?? startShadow(EVEN, startWork(owner, count));
  }

  /** A copy over other columns: `kept` names the old column of each new one, and is undefined for a newcomer. */
  over(kept: readonly (number | undefined)[], owner: number): Portfolio {
    const count = kept.length;
    const copy = new Portfolio(owner, count, this.#minDwell);
    const old = Math.sqrt(this.#usual.length);
    const dearest = largest(this.#usual);
    for (const [from, oldFrom] of kept.entries())
      for (const [to, oldTo] of kept.entries()) {
        const isKnown = oldFrom !== undefined && oldTo !== undefined;
        if (from !== to) copy.#usual[from * count + to] = isKnown ? at(this.#usual, oldFrom * old + oldTo) : dearest;
      }
    copy.#seen = this.#seen;
    copy.#guesses = this.#guesses;
    for (const [index, own] of this.#shadows.entries()) {
      const shadow = copy.#shadows[index];
      if (shadow === undefined) continue;
      [shadow.movedAt, shadow.behind] = [own.movedAt, own.behind];
      const at = kept.indexOf(own.state.owner);
      shadow.state.owner = at < 0 ? owner : at;
      for (const [to, from] of kept.entries())
        shadow.state.work[to] = (from === undefined ? undefined : own.state.work[from]) ?? Number.POSITIVE_INFINITY;
      if (this.#followed === own) copy.#followed = shadow;
    }
    return copy;
  }

  /** The rule that is followed now. */
  get followed(): Temper & WorkFunction {
    const { patience, usual, state } = this.#followed;
    return { patience, usual, ...state };
  }

  /** USD that each move has cost on average, at `from * count + to`. */
  get usual(): Float64Array {
    return this.#usual.slice();
  }

  /** Accounts for one look and returns the workload that should have the GPU. */
  look(seen: PortfolioLook): number {
    const look = { ...seen, oneWay: shortest(seen.oneWay, seen.rates.length) };
    const { oneWay, past } = look;
    this.#guess(certainOf(look, this.#followed.state.owner), 2 * largest(oneWay));
    this.#learn(oneWay, look.hours);
    let leader = this.#followed;
    for (const shadow of this.#shadows) {
      if (past !== undefined) this.#account(shadow, look, past);
      this.#move(shadow, look, seen.oneWay);
      if (past === undefined) this.#account(shadow, look, look.rates);
      if (shadow.behind < leader.behind) leader = shadow;
    }
    const farthest = 2 * TRUST * Math.max(largest(oneWay), largest(this.#usual));
    const least = leader.behind;
    for (const shadow of this.#shadows) shadow.behind = Math.min(shadow.behind - least, farthest);
    if (leader !== this.#followed && this.#followed.behind >= farthest)
      [this.#followed, this.#guesses] = [leader, false];
    return this.#followed.state.owner;
  }

  /** Only until one rule has proven better than another. */
  #guess(certain: number, roundTrip: number): void {
    if (!this.#guesses || !(certain > 0 && certain >= CERTAIN * roundTrip)) return;
    this.#guesses = false;
    this.#followed = this.#shadows.find(({ patience }) => patience === EAGER.patience) ?? this.#followed;
  }

  /** Going costs what it costs now; coming back, what it usually costs. */
  #learn(oneWay: Float64Array, hours: number): void {
    this.#seen = this.#seen * Math.exp(-hours / MEMORY) + hours;
    const weight = this.#seen > 0 ? hours / this.#seen : 1;
    for (let pair = 0; pair < oneWay.length; pair++) {
      this.#usual[pair] = at(this.#usual, pair) * (1 - weight) + at(oneWay, pair) * weight;
      this.#halfUsual[pair] = (at(this.#usual, pair) + at(oneWay, pair)) / 2;
    }
  }

  #move(shadow: Shadow, look: PortfolioLook, charged: Float64Array): void {
    const { rates, ahead } = look;
    const { state, patience } = shadow;
    const before = state.owner;
    const mayMove = look.at - shadow.movedAt >= this.#minDwell;
    move(state, { rates, oneWay: this.#waysOf(shadow, look), ahead, mayMove }, patience);
    if (state.owner !== before) shadow.movedAt = look.at;
    shadow.behind += at(charged, before * rates.length + state.owner);
  }

  #account(shadow: Shadow, look: PortfolioLook, rates: Float64Array): void {
    const { hours } = look;
    const { state, patience } = shadow;
    const best = bestOf(rates);
    account(state, { rates, best, oneWay: this.#waysOf(shadow, look), hours }, patience);
    shadow.behind += (at(rates, best) - at(rates, state.owner)) * hours;
  }

  #waysOf(shadow: Shadow, look: PortfolioLook): Float64Array {
    return shadow.usual ? this.#halfUsual : look.oneWay;
  }
}

/**
 * No way dearer than a detour: else the detour's price would cap what was missed, and a direct move that costs more
 * would never be worth it (Floyd and Warshall).
 */
function shortest(oneWay: Float64Array, count: number): Float64Array {
  const ways = oneWay.slice();
  for (let over = 0; over < count; over++)
    for (let from = 0; from < count; from++)
      for (let to = 0; to < count; to++) {
        const detour = at(ways, from * count + over) + at(ways, over * count + to);
        if (detour < at(ways, from * count + to)) ways[from * count + to] = detour;
      }
  return ways;
}

/** What the best surely earns, seen from the owner; where the owner is the best, from the next best. */
function certainOf({ rates, ahead }: PortfolioLook, owner: number): number {
  const best = bestOf(rates);
  let other = owner;
  for (let one = 0; one < rates.length; one++)
    if (one !== best && (other === best || (owner === best && at(rates, one) > at(rates, other)))) other = one;
  return aheadOf(ahead, best * rates.length + other) * at(rates, best);
}

const startShadow = (temper: Temper, state: WorkFunction): Shadow => ({
  ...temper,
  state,
  movedAt: Number.NEGATIVE_INFINITY,
  behind: 0,
});

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}
