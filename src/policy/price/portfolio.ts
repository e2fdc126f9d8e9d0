import { at, bestOf } from "../replay/rule.ts";
import { Counter, type Temper } from "./counter.ts";
import type { Nearness, PaperLook, PaperRule, Tipping } from "./paper-rule.ts";
import { RelativeValues, type Scope } from "./relative-values.ts";
import { type Ahead, aheadOf, startWork } from "./work-function.ts";

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

/** Quotes that stray anew every time want one value for what comes after; where a lead tells of the next, one for each size of it. */
const SCOPES: readonly Scope[] = [
  { byLeader: false, edges: [], memory: 1 },
  { byLeader: true, edges: [0.5, 1, 2], memory: 48 },
];

/** A rule is left when another has earned this many round trips more in its stead. */
const TRUST = 4;
/** Hours over which the usual cost of a switch is averaged. */
const MEMORY = 168;
/** Quotes that hold this many round trips are mostly certain, and eagerness is the better first guess. */
const CERTAIN = 2;

interface Shadow {
  readonly rule: PaperRule;
  movedAt: number;
  /** USD that it has earned less than the best of all; counted no further than where it would be left. */
  behind: number;
}

/** Why the last look gave the GPU to another work. */
export interface Cause {
  /** Another rule has earned more and is followed now, or what made the one that is followed go. */
  readonly kind: Tipping | "earned-more";
  /** Of the rule that is followed; undefined where it weighs what is to come instead. */
  readonly patience: number | undefined;
  /** The column over which the way is cheaper on paper than the direct one; undefined where none is. */
  readonly over?: number;
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
 * Regret counters of different patience, and rules that learn what usually follows, run side by side on paper, and the
 * GPU follows the one that has earned most: as quick as greedy where quotes hold, as slow as the noise asks where they
 * do not. Owned by whoever calls `look`.
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
  #look: PaperLook | undefined;
  #cause: Cause | undefined;

  /** `minDwell` in hours; `shadows`, where given, are those of another portfolio's copy. */
  constructor(owner: number, count: number, minDwell: number, shadows = startShadows(owner, count)) {
    this.#minDwell = minDwell;
    this.#usual = new Float64Array(count * count);
    this.#halfUsual = new Float64Array(count * count);
    this.#shadows = shadows;
    this.#followed = shadows[0] ?? toShadow(new Counter(EVEN, startWork(owner, count)));
  }

  /** A copy over other columns: `kept` names the old column of each new one, and is undefined for a newcomer. */
  over(kept: readonly (number | undefined)[], owner: number): Portfolio {
    const count = kept.length;
    const shadows = this.#shadows.map((own) => ({ ...own, rule: own.rule.over(kept, owner) }));
    const copy = new Portfolio(owner, count, this.#minDwell, shadows);
    const old = Math.sqrt(this.#usual.length);
    const dearest = largest(this.#usual);
    for (const [from, oldFrom] of kept.entries())
      for (const [to, oldTo] of kept.entries()) {
        const isKnown = oldFrom !== undefined && oldTo !== undefined;
        if (from !== to) copy.#usual[from * count + to] = isKnown ? at(this.#usual, oldFrom * old + oldTo) : dearest;
      }
    copy.#seen = this.#seen;
    copy.#guesses = this.#guesses;
    copy.#followed = shadows[this.#shadows.indexOf(this.#followed)] ?? copy.#followed;
    return copy;
  }

  /** The column that has the GPU. */
  get owner(): number {
    return this.#followed.rule.owner;
  }

  /** How many round trips the rule that is followed waits for; undefined where it weighs what is to come instead. */
  get patience(): number | undefined {
    return this.#followed.rule.patience;
  }

  /** USD that each move has cost on average, at `from * count + to`. */
  get usual(): Float64Array {
    return this.#usual.slice();
  }

  /** Of the last look; undefined where it left the GPU to whom it had. */
  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** How near the last look came to giving the GPU to that column. */
  nearnessOf(column: number): Nearness {
    const { rule } = this.#followed;
    if (this.#look === undefined || column === rule.owner) return { share: 0, foreseen: false };
    const { share, foreseen } = rule.nearnessOf(column, this.#look);
    return { share: Math.max(0, Math.min(1, share)), foreseen };
  }

  /** Accounts for one look and returns the workload that should have the GPU. */
  look(seen: PortfolioLook): number {
    const { rates, past, hours, ahead } = seen;
    const before = this.#followed.rule.owner;
    const oneWay = shortest(seen.oneWay, rates.length);
    this.#guess(certainOf(seen, before), 2 * largest(oneWay));
    this.#learn(oneWay, hours);
    const look: PaperLook = { rates, oneWay, halfUsual: this.#halfUsual, ahead };
    [this.#look, this.#cause] = [look, undefined];
    let leader = this.#followed;
    for (const shadow of this.#shadows) {
      if (past !== undefined) this.#account(shadow, look, past, hours);
      this.#move(shadow, look, seen);
      if (past === undefined) this.#account(shadow, look, rates, hours);
      if (shadow.behind < leader.behind) leader = shadow;
    }
    this.#follow(leader, 2 * TRUST * Math.max(largest(oneWay), largest(this.#usual)));
    const { owner } = this.#followed.rule;
    if (owner === before) this.#cause = undefined;
    return owner;
  }

  #follow(leader: Shadow, farthest: number): void {
    const least = leader.behind;
    for (const shadow of this.#shadows) shadow.behind = Math.min(shadow.behind - least, farthest);
    if (leader === this.#followed || this.#followed.behind < farthest) return;
    [this.#followed, this.#guesses] = [leader, false];
    this.#cause = { kind: "earned-more", patience: leader.rule.patience };
  }

  /** Only until one rule has proven better than another. */
  #guess(certain: number, roundTrip: number): void {
    if (!this.#guesses || !(certain > 0 && certain >= CERTAIN * roundTrip)) return;
    this.#guesses = false;
    this.#followed = this.#shadows.find(({ rule }) => rule.patience === EAGER.patience) ?? this.#followed;
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

  #move(shadow: Shadow, look: PaperLook, seen: PortfolioLook): void {
    const { rule } = shadow;
    const before = rule.owner;
    rule.move(look, seen.at - shadow.movedAt >= this.#minDwell);
    if (rule.owner === before) return;
    shadow.movedAt = seen.at;
    shadow.behind += at(seen.oneWay, before * look.rates.length + rule.owner);
    if (shadow !== this.#followed) return;
    const kind = rule.tippingOf(before, look);
    this.#cause = { kind, patience: rule.patience, ...detourOf(look.oneWay, seen, [before, rule.owner]) };
  }

  #account(shadow: Shadow, look: PaperLook, rates: Float64Array, hours: number): void {
    const { rule } = shadow;
    rule.account(look, rates, hours);
    shadow.behind += (at(rates, bestOf(rates)) - at(rates, rule.owner)) * hours;
  }
}

const toShadow = (rule: PaperRule): Shadow => ({ rule, movedAt: Number.NEGATIVE_INFINITY, behind: 0 });

const startShadows = (owner: number, count: number): readonly Shadow[] => [
  ...TEMPERS.map((temper) => toShadow(new Counter(temper, startWork(owner, count)))),
  ...SCOPES.map((scope) => toShadow(new RelativeValues(scope, owner, count))),
];

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

/** Over which column the way counts as cheaper than it is. */
function detourOf(
  ways: Float64Array,
  { oneWay, rates }: PortfolioLook,
  [from, to]: readonly [number, number],
): Pick<Cause, "over"> {
  const count = rates.length;
  if (at(ways, from * count + to) >= at(oneWay, from * count + to)) return {};
  let [over, least] = [from, Number.POSITIVE_INFINITY];
  for (let one = 0; one < count; one++) {
    const length = at(ways, from * count + one) + at(ways, one * count + to);
    if (one !== from && one !== to && length < least) [over, least] = [one, length];
  }
  return { over };
}

/** What the best surely earns, seen from the owner; where the owner is the best, from the next best. */
function certainOf({ rates, ahead }: PortfolioLook, owner: number): number {
  const best = bestOf(rates);
  let other = owner;
  for (let one = 0; one < rates.length; one++)
    if (one !== best && (other === best || (owner === best && at(rates, one) > at(rates, other)))) other = one;
  return aheadOf(ahead, best * rates.length + other) * at(rates, best);
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}
