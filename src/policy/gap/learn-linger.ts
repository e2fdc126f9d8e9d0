/** So many gaps have to be seen before they are learned from, and so many are remembered. */
const FEWEST = 5;
export const REMEMBERED_GAPS = 50;

/** The lengths that are weighed, in round trips; the longest stands for never leaving. */
const LENGTHS = [0, 0.125, 0.25, 0.5, 1, 2, 4];

/**
 * How long to stay warm after a request, in the unit of `roundTrip`: what would have wasted least in the last gaps, where
 * one that is outlasted costs its length and one that is not costs the stay and a round trip. Too few gaps: one round
 * trip, which wastes at most twice what a clairvoyant does. Never more than `longest`.
 */
export function learnLinger(gaps: readonly number[], roundTrip: number, longest: number): number {
  const fallback = Math.min(longest, roundTrip);
  if (gaps.length < FEWEST) return fallback;
  let [best, least] = [fallback, Number.POSITIVE_INFINITY];
  for (const length of LENGTHS) {
    const stay = Math.min(longest, length * roundTrip);
    const waste = gaps.reduce((sum, gap) => sum + (gap <= stay ? gap : stay + roundTrip), 0);
    if (waste < least) [best, least] = [stay, waste];
  }
  return best;
}
