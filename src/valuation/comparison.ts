import { powerCost, toUsd, type UsdNano, type UsdPerHour, usdPerHour } from "../units/money.ts";
import { hours, type Millis } from "../units/time.ts";
import type { Valuation } from "./valuation.ts";

/**
 * How long the GPU must stay with `to` until what it brings more than `now` has paid the round trip; undefined where it
 * brings no more, or a net is unknown.
 */
export function neededStay(to: Valuation, now: Valuation | undefined, roundTripCost: UsdNano): Millis | undefined {
  if (to.net === undefined || now?.net === undefined) return undefined;
  const gain = to.net - now.net;
  return gain > 0 ? hours(toUsd(roundTripCost) / gain) : undefined;
}

/**
 * The least ask at which an hour of renting the GPU out brings no less than its best own work, other rentals aside:
 * that work's net and the power of full load, before the platform's cut. Undefined while nothing of its own is valued or its full load unknown.
 */
export function askFloor(valuations: readonly Valuation[]): UsdPerHour | undefined {
  const own = valuations.flatMap(({ workload, net }) => (isRental(workload) ? [] : (net ?? [])));
  const costs = valuations.flatMap(({ workload, power, powerPrice }) =>
    workload === "none" || power === undefined || powerPrice === undefined ? [] : powerCost(power, powerPrice),
  );
  if (own.length === 0 || costs.length === 0) return undefined;
  const kept = keptOf(valuations.find(({ workload }) => workload === "lease"));
  return kept > 0 ? usdPerHour(Math.max(0, (Math.max(...own) + Math.max(...costs)) / kept)) : undefined;
}

const isRental = (workload: Valuation["workload"]): boolean => workload === "lease" || workload === "external";

/** What the platform leaves of an ask; all of it where no rental is listed. */
const keptOf = (rental: Valuation | undefined): number =>
  rental?.gross === undefined || rental.revenue === undefined || !(rental.gross > 0)
    ? 1
    : rental.revenue / rental.gross;
