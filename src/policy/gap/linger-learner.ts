/** Seconds from mining to a warm engine, and from there to the first hash. */
export interface GapTerms {
  readonly wake: number;
  readonly back: number;
}

/** So many requests have to be seen before they are learned from. */
const FEWEST = 3;
/** Seconds over which waste is forgotten. */
const MEMORY = 6 * 3600;
/** The stays that are tried on paper, in round trips. The first is the fallback: at most twice the clairvoyant's waste. */
const STAYS = [1, 0, 0.125, 0.25, 0.5, 2, 4, Number.POSITIVE_INFINITY];

interface Shadow {
  readonly stay: number;
  warmFrom: number;
  busyUntil: number;
  wasted: number;
}

/**
 * Learns how long to stay warm for the next request: every stay is run on paper over the requests that came, with the
 * waits and the company that it would have given them, and the one that wasted the least of the GPU is taken. Time is in
 * seconds on a steady clock. Owned by whoever calls `served`.
 */
export class LingerLearner {
  readonly #shadows: readonly Shadow[] = STAYS.map((stay) => ({
    stay,
    warmFrom: 0,
    busyUntil: Number.NEGATIVE_INFINITY,
    wasted: 0,
  }));
  #last = 0;
  #seen = 0;

  /** A request that arrived at `arrival`, no earlier than the one before, and took `service` once it began. */
  served(arrival: number, service: number, terms: GapTerms): void {
    const fades = this.#seen === 0 ? 1 : Math.exp(-(arrival - this.#last) / MEMORY);
    for (const shadow of this.#shadows) {
      shadow.wasted *= fades;
      serve(shadow, arrival, service, terms);
    }
    this.#last = arrival;
    this.#seen++;
  }

  /** Seconds to stay warm after the last request; infinite where leaving has not paid at all. */
  linger({ wake, back }: GapTerms): number {
    let best = this.#shadows[0];
    if (this.#seen >= FEWEST)
      for (const shadow of this.#shadows) if (shadow.wasted < (best?.wasted ?? 0)) best = shadow;
    return stayOf(best?.stay ?? 1, wake + back);
  }
}

const stayOf = (stay: number, roundTrip: number): number => (stay === 0 ? 0 : stay * roundTrip);

function serve(shadow: Shadow, arrival: number, service: number, { wake, back }: GapTerms): void {
  const gap = arrival - shadow.busyUntil;
  const stay = stayOf(shadow.stay, wake + back);
  if (gap > 0 && Number.isFinite(gap)) {
    if (gap <= stay) shadow.wasted += gap;
    else {
      shadow.wasted += stay + back + wake;
      shadow.warmFrom = Math.max(arrival, shadow.busyUntil + stay + back) + wake;
    }
  }
  shadow.busyUntil = Math.max(shadow.busyUntil, Math.max(arrival, shadow.warmFrom) + service);
}
