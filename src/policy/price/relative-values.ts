import { at, bestOf } from "../replay/rule.ts";
import type { Nearness, PaperLook, PaperRule, Tipping } from "./paper-rule.ts";
import { aheadOf } from "./work-function.ts";

/** How much is told apart when what usually follows is learned, and for how long it is remembered. */
export interface Scope {
  /** Sizes of the leader's certain gain, in one-way costs, where one kind of spell ends and the next begins. */
  readonly edges: readonly number[];
  /** Whether what follows depends on which work leads, and by how much; else one value stands for all spells. */
  readonly byLeader: boolean;
  /** Hours over which a spell's weight falls to a third. */
  readonly memory: number;
}

/** A rate that moves less than this part of the largest has only wavered. */
const SAME = 0.005;

/** A time in which rates stood. */
interface Spell {
  readonly rates: Float64Array;
  readonly oneWay: Float64Array;
  readonly kind: number;
  readonly hours: number;
  /** The kind of the spell before; undefined for the first. */
  readonly after: number | undefined;
}

/**
 * Moves where what a lead surely brings while it holds, and what usually comes after it, are worth the way. What comes
 * after is learned: for each kind of spell, how much more having each work is worth when it ends, by relative value
 * iteration on the spells themselves (Abounadi, Bertsekas and Borkar 2001), for all works at once since all rates show.
 */
export class RelativeValues implements PaperRule {
  readonly #scope: Scope;
  readonly #count: number;
  /** USD by kind of spell and then by work, less that of the first work; how often each kind was seen. */
  readonly #values: Float64Array;
  readonly #seen: Float64Array;
  #spell: Spell | undefined;
  #owner: number;

  constructor(scope: Scope, owner: number, count: number) {
    this.#scope = scope;
    this.#count = count;
    this.#owner = owner;
    const kinds = scope.byLeader ? count * (scope.edges.length + 1) : 1;
    this.#values = new Float64Array(kinds * count);
    this.#seen = new Float64Array(kinds);
  }

  get owner(): number {
    return this.#owner;
  }

  get patience(): undefined {
    return undefined;
  }

  move(look: PaperLook, mayMove: boolean): void {
    if (this.#spell === undefined || differ(this.#spell.rates, look.rates)) this.#begin(look);
    if (!mayMove) return;
    let [to, most] = [this.#owner, 0];
    for (let one = 0; one < this.#count; one++) {
      const gain = this.#gainOf(one, look);
      if (gain > most) [to, most] = [one, gain];
    }
    this.#owner = to;
  }

  account(_look: PaperLook, _rates: Float64Array, hours: number): void {
    if (this.#spell !== undefined) this.#spell = { ...this.#spell, hours: this.#spell.hours + hours };
  }

  nearnessOf(column: number, look: PaperLook): Nearness {
    const way = this.wayOf(this.#owner * this.#count + column, look);
    return { share: way > 0 ? 1 + this.#gainOf(column, look) / (2 * way) : 0, foreseen: true };
  }

  tippingOf(): Tipping {
    return "usual";
  }

  wayOf(pair: number, { oneWay }: PaperLook): number {
    return at(oneWay, pair);
  }

  over(kept: readonly (number | undefined)[], owner: number): RelativeValues {
    const own = kept.indexOf(this.#owner);
    const copy = new RelativeValues(this.#scope, own < 0 ? owner : own, kept.length);
    const isSame = kept.length === this.#count && kept.every((from, to) => from === to);
    if (isSame) {
      copy.#values.set(this.#values);
      copy.#seen.set(this.#seen);
      copy.#spell = this.#spell;
    } else this.#copyTo(copy, kept);
    return copy;
  }

  /** A newcomer is worth as little as the least known; what follows upon its lead has yet to be seen. */
  #copyTo(copy: RelativeValues, kept: readonly (number | undefined)[]): void {
    const sizes = this.#scope.byLeader ? this.#scope.edges.length + 1 : 1;
    for (let kind = 0; kind < copy.#seen.length; kind++) {
      const leader = this.#scope.byLeader ? kept[Math.floor(kind / sizes)] : 0;
      if (leader === undefined) continue;
      const from = leader * sizes + (kind % sizes);
      const known = this.#values.subarray(from * this.#count, (from + 1) * this.#count);
      const values = kept.map((column) => (column === undefined ? Math.min(...known) : at(known, column)));
      for (const [to, value] of values.entries()) copy.#values[kind * kept.length + to] = value - (values[0] ?? 0);
      copy.#seen[kind] = at(this.#seen, from);
    }
  }

  /** USD that going to a column is worth beyond staying, the way there paid. */
  #gainOf(column: number, { rates, oneWay, ahead }: PaperLook): number {
    const pair = this.#owner * this.#count + column;
    const lead = (at(rates, column) - at(rates, this.#owner)) * aheadOf(ahead, pair);
    const kind = this.#spell?.kind ?? 0;
    return lead + this.#valueOf(kind, column) - this.#valueOf(kind, this.#owner) - at(oneWay, pair);
  }

  #valueOf(kind: number, work: number): number {
    return at(this.#values, kind * this.#count + work);
  }

  #begin(look: PaperLook): void {
    if (this.#spell !== undefined) this.#learn(this.#spell);
    const { rates, oneWay } = look;
    const after = this.#spell?.kind;
    this.#spell = { rates: rates.slice(), oneWay: oneWay.slice(), kind: this.#kindOf(look), hours: 0, after };
  }

  /** What having each work at the start of this spell turned out to be worth, for the kind of spell before it. */
  #learn({ rates, oneWay, kind, hours, after }: Spell): void {
    if (after === undefined || hours <= 0) return;
    const count = this.#count;
    const seen = at(this.#seen, after) + 1;
    this.#seen[after] = seen;
    const weight = Math.max(1 / seen, 1 - Math.exp(-hours / this.#scope.memory));
    const worths = rates.map((_, from) => {
      let most = Number.NEGATIVE_INFINITY;
      for (let to = 0; to < count; to++)
        most = Math.max(most, at(rates, to) * hours + this.#valueOf(kind, to) - at(oneWay, from * count + to));
      return most;
    });
    for (let work = 0; work < count; work++) {
      const own = after * count + work;
      this.#values[own] = at(this.#values, own) * (1 - weight) + (at(worths, work) - at(worths, 0)) * weight;
    }
  }

  #kindOf({ rates, oneWay, ahead }: PaperLook): number {
    const { byLeader, edges } = this.#scope;
    if (!byLeader) return 0;
    const best = bestOf(rates);
    let [next, least] = [best, Number.POSITIVE_INFINITY];
    for (let one = 0; one < rates.length; one++) {
      const lead = at(rates, best) - at(rates, one);
      if (one !== best && lead < least) [next, least] = [one, lead];
    }
    const pair = next * rates.length + best;
    const certain = next === best ? 0 : least * aheadOf(ahead, pair);
    const size = edges.filter((edge) => certain > edge * at(oneWay, pair)).length;
    return best * (edges.length + 1) + size;
  }
}

function differ(a: Float64Array, b: Float64Array): boolean {
  let largest = 0;
  for (let one = 0; one < a.length; one++) largest = Math.max(largest, Math.abs(at(a, one)));
  for (let one = 0; one < a.length; one++) if (Math.abs(at(a, one) - at(b, one)) > SAME * largest) return true;
  return false;
}
