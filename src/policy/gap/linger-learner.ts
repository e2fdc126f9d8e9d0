/** What lending one gap takes, in seconds. */
export interface GapTerms {
  /** From mining to a warm engine, and from there to the first hash. */
  readonly wake: number;
  readonly back: number;
  /** Seconds of mining that pay for what else a round trip costs, such as wear; none when absent. */
  readonly wear?: number;
}

/** So many requests have to be seen before they are learned from, and so many are remembered. */
const FEWEST = 3;
const REMEMBERED = 200;
/** The stays that are tried on paper, in round trips. The first is the fallback: at most twice the clairvoyant's waste. */
const STAYS = [1, 0, 0.125, 0.25, 0.5, 2, 4, Number.POSITIVE_INFINITY];

interface Request {
  readonly arrival: number;
  readonly service: number;
}

/**
 * Learns how long to stay warm for the next request: every stay is run on paper over the last requests, with the waits
 * and the company that it would have given them, and the one that wasted the least of the GPU is taken. Time is in
 * seconds on a steady clock. Owned by whoever calls `served`.
 */
export class LingerLearner {
  readonly #requests: Request[] = [];

  /** A request that arrived at `arrival` and took `service` once it began. */
  served(arrival: number, service: number): void {
    this.#requests.push({ arrival, service });
    if (this.#requests.length > REMEMBERED) this.#requests.shift();
  }

  /** Whether enough requests came to learn from. */
  get isTaught(): boolean {
    return this.#requests.length >= FEWEST;
  }

  /** Seconds to stay warm after the last request; infinite where leaving has not paid at all. */
  linger(terms: GapTerms): number {
    const [fallback = 1] = STAYS;
    let [best, least] = [fallback, Number.POSITIVE_INFINITY];
    for (const stay of this.isTaught ? STAYS : []) {
      const waste = wasteOf(this.#requests, stayOf(stay, terms), terms);
      if (waste < least) [best, least] = [stay, waste];
    }
    return stayOf(best, terms);
  }
}

const stayOf = (stay: number, { wake, back, wear = 0 }: GapTerms): number =>
  stay === 0 ? 0 : stay * (wake + back + wear);

function wasteOf(requests: readonly Request[], stay: number, { wake, back, wear = 0 }: GapTerms): number {
  let [warmFrom, busyUntil, wasted] = [0, requests[0]?.arrival ?? 0, 0];
  for (const { arrival, service } of requests) {
    const gap = arrival - busyUntil;
    if (gap > stay) {
      wasted += stay + back + wake + wear;
      warmFrom = Math.max(arrival, busyUntil + stay + back) + wake;
    } else if (gap > 0) wasted += gap;
    busyUntil = Math.max(busyUntil, Math.max(arrival, warmFrom) + service);
  }
  return wasted;
}
