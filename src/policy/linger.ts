import { toUsd, type UsdNano, type UsdPerHour } from "../units/money.ts";
import { hours, type Millis, millis, seconds, toSeconds } from "../units/time.ts";
import type { LingerLearner } from "./gap/linger-learner.ts";

/** Minutes of keep-alive leave nothing for the gaps; no price makes it worth that. */
const LONGEST = seconds(60);

/**
 * How long to wait for the next request before the gap is lent: until the wait has cost what leaving and coming back
 * would (ski rental, at most twice the clairvoyant's loss), and never less than the round trip takes. While nobody knows
 * what the gap would earn, one round trip.
 */
export function lingerFor(roundTrip: Millis, roundTripCost: UsdNano, gapNet: UsdPerHour | undefined): Millis {
  if (gapNet === undefined) return roundTrip;
  const paysFor = gapNet > 0 ? hours(toUsd(roundTripCost) / gapNet) : LONGEST;
  return millis(Math.max(roundTrip, Math.min(LONGEST, paysFor)));
}

/**
 * The same, learned from the requests that came, where there were enough: what a round trip costs beyond its time counts
 * as time that hashing needs to pay for it. By the rule that `rigshift replay` calls its default.
 */
export function learnedLinger(learner: LingerLearner, roundTrip: Millis, worth: Millis): Millis | undefined {
  if (!learner.isTaught) return undefined;
  const half = toSeconds(roundTrip) / 2;
  const wear = Math.max(0, toSeconds(worth) - toSeconds(roundTrip));
  return millis(Math.min(LONGEST, 1000 * learner.linger({ wake: half, back: half, wear })));
}
