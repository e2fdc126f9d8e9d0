import { toUsd, type UsdNano, type UsdPerHour } from "../units/money.ts";
import { hours, type Millis, millis, seconds } from "../units/time.ts";

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
