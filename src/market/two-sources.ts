import { elapsed, hours, type UnixMs } from "../units/time.ts";

/** Two sources that moved further apart than this, each against its own past, tell different stories. */
const APART = 1.25;
/** With less of a past a source's own level proves nothing. */
export const LEAST_PAST = hours(1);
/** By then a source that merely lags has followed or is too old, and the lower of the two counts. */
const INSISTENCE = hours(1);

/** What one of two sources says, and what it said before. */
export interface Witness {
  readonly source: string;
  readonly value: number;
  /** Its own median of the last day, and how long that past is; absent for a source without any. */
  readonly past?: { readonly median: number; readonly from: UnixMs };
}

/** Which of two contradicting sources is doubted, since when, and for what. */
export interface Doubt {
  readonly source: string;
  readonly since: UnixMs;
  readonly value: number;
}

/**
 * Of two sources nobody can tell by a majority which one lies. While their moves agree, the lower level counts; where one
 * left its own past alone, the other counts until the lower one has insisted for an hour.
 */
export function believeOneOfTwo(
  [a, b]: readonly [Witness, Witness],
  before: Doubt | undefined,
  now: UnixMs,
): { readonly value: number; readonly doubt?: Doubt; readonly isLeftOut?: true } {
  const [low, high] = a.value <= b.value ? [a, b] : [b, a];
  if (!isDoubtful(low, high, now)) return { value: low.value };
  const doubt = before !== undefined && isSame(before, low, now) ? before : { ...low, since: now };
  return elapsed(doubt.since, now) >= INSISTENCE
    ? { value: low.value, doubt }
    : { value: high.value, doubt, isLeftOut: true };
}

const isSame = (before: Doubt, { source, value }: Witness, now: UnixMs): boolean =>
  before.source === source && isWithin(before.value / value, APART) && elapsed(before.since, now) >= 0;

/** Whether the lower one is the one that left its past; a higher one that did so does not count anyway. */
function isDoubtful(low: Witness, high: Witness, now: UnixMs): boolean {
  const moves = [low, high].map(({ value, past }) =>
    past === undefined || elapsed(past.from, now) < LEAST_PAST ? undefined : value / past.median,
  );
  const [ofLow, ofHigh] = moves;
  if (ofHigh === undefined || ofLow === undefined) return false;
  return !isWithin(ofHigh / ofLow, APART) && size(ofLow) > size(ofHigh);
}

const size = (ratio: number): number => Math.max(ratio, 1 / ratio);

const isWithin = (ratio: number, factor: number): boolean => size(ratio) <= factor;
