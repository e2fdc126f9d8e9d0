import { type Millis, toSeconds } from "../../units/time.ts";
import { type Hashrate, hashrate } from "../../units/work.ts";

/** Ten shares put one sigma at about a third. */
const ENOUGH_SHARES = 10;
/** Two-sided 95 %. */
const Z = 1.96;

export interface EffectiveHashrate {
  readonly hashrate: Hashrate;
  /** Ends of the 95 % interval. */
  readonly low: Hashrate;
  readonly high: Hashrate;
  readonly shares: number;
}

/**
 * The hashrate that the accepted `shares` of the last `window` prove, whatever the miner reports;
 * undefined until there are `enough` of them.
 */
export function effectiveHashrate(
  shares: readonly { readonly expectedHashes: number }[],
  window: Millis,
  enough = ENOUGH_SHARES,
): EffectiveHashrate | undefined {
  if (shares.length < Math.max(1, enough) || window <= 0) return undefined;
  let work = 0;
  let squares = 0;
  for (const { expectedHashes } of shares) {
    work += expectedHashes;
    squares += expectedHashes ** 2;
  }
  return provenHashrate({ work, squares, shares: shares.length }, window);
}

/**
 * The upper end of the 95 % interval where `shares` are few or none, of which the pool asks `shareHashes` each;
 * undefined before any time has passed.
 */
export function mostHashrate(
  shares: readonly { readonly expectedHashes: number }[],
  window: Millis,
  shareHashes: number,
): Hashrate | undefined {
  if (window <= 0) return undefined;
  const weight = shares.reduce((most, { expectedHashes }) => Math.max(most, expectedHashes), shareHashes);
  return hashrate((weight * poissonHigh(shares.length)) / toSeconds(window));
}

/** The same from sums over the shares: of their expected hashes, and of the squares of those. */
export function provenHashrate(
  { work, squares, shares }: { readonly work: number; readonly squares: number; readonly shares: number },
  window: Millis,
): EffectiveHashrate | undefined {
  if (!(work > 0) || window <= 0) return undefined;
  const rate = work / toSeconds(window);
  // Shares of unequal weight count as fewer: Kish's effective number, equal to the count when all weigh the same.
  const count = work ** 2 / squares;
  return {
    hashrate: hashrate(rate),
    low: hashrate((rate * poissonLow(count)) / count),
    high: hashrate((rate * poissonHigh(count)) / count),
    shares,
  };
}

/** Exact Poisson limits after Wilson and Hilferty: within 0.5 % from ten counts on. */
const poissonLow = (n: number): number => n * Math.max(0, 1 - 1 / (9 * n) - Z / (3 * Math.sqrt(n))) ** 3;
const poissonHigh = (n: number): number => (n + 1) * (1 - 1 / (9 * (n + 1)) + Z / (3 * Math.sqrt(n + 1))) ** 3;
