import { toUsd, type UsdNano, type UsdPerHour } from "../units/money.ts";
import { hours, type Millis, millis, seconds } from "../units/time.ts";

/** Minutes of keep-alive leave nothing for the gaps; no price makes it worth that. */
const LONGEST = seconds(60);

/**
 * How long to wait for the next request before the gap is lent: until the wait has cost what leaving and coming back
 * would (ski rental, at most twice the clairvoyant's loss), and never less than the round trip takes.
 */
export function lingerFor(roundTrip: Millis, roundTripCost: UsdNano, gapNet: UsdPerHour): Millis {
  const paysFor = gapNet > 0 ? hours(toUsd(roundTripCost) / gapNet) : LONGEST;
  return millis(Math.max(roundTrip, Math.min(LONGEST, paysFor)));
}
