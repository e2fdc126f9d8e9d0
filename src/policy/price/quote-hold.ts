import { at } from "../replay/rule.ts";

/** So many changes have to be seen before their spacing is believed, and so many are remembered. */
const FEWEST = 3;
const REMEMBERED = 6;

/**
 * Learns for how long rates stand: a feed that is polled every minute but changes every hour holds for the rest of the
 * hour. The shortest of the last spells counts, so that a promise is rarely broken.
 */
export class QuoteHold {
  #last: Float64Array | undefined;
  #since = 0;
  readonly #spells: number[] = [];

  /** How much longer these rates stand, in the unit of `now`; no less than `known`. */
  look(rates: Float64Array, now: number, known: number): number {
    if (this.#last === undefined) {
      this.#last = Float64Array.from(rates);
      this.#since = now;
    } else if (differ(this.#last, rates)) {
      this.#last.set(rates);
      this.#spells.push(now - this.#since);
      if (this.#spells.length > REMEMBERED) this.#spells.shift();
      this.#since = now;
    }
    if (this.#spells.length < FEWEST) return known;
    return Math.max(known, Math.min(...this.#spells) - (now - this.#since));
  }
}

function differ(a: Float64Array, b: Float64Array): boolean {
  for (let one = 0; one < a.length; one++) if (at(a, one) !== at(b, one)) return true;
  return false;
}
