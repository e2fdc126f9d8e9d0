import { type Watts, watts } from "../../units/energy.ts";
import { elapsed, minutes, type UnixMs } from "../../units/time.ts";
import { pointedAt, toNumber } from "../answer.ts";
import { answerFault } from "../errors.ts";

/** What a meter says of the house is worth nothing soon. */
const FRESH = minutes(2);
const MOST_WATTS = 10_000_000;

export interface SitePlaces {
  /** To what flows into the grid, in watts; below 0 while the house draws. */
  readonly exportW: string;
  /** To the battery's charge in percent. */
  readonly batteryPct?: string;
  /** To what the battery gives, in watts; below 0 while it is charged. */
  readonly batteryW?: string;
}

/** What the house does at its connection. */
export interface SiteReading {
  readonly at: UnixMs;
  readonly exported: Watts;
  readonly batteryPct?: number;
  /** By the battery; below 0 while it is charged. */
  readonly discharged?: Watts;
}

export function parseSite(body: unknown, places: SitePlaces, at: UnixMs): SiteReading {
  const { batteryPct: place, batteryW } = places;
  const exported = wattsAt(body, places.exportW);
  const batteryPct = place === undefined ? undefined : toNumber(pointedAt(body, place), place);
  if (place !== undefined && batteryPct !== undefined && !(batteryPct >= 0 && batteryPct <= 100))
    throw answerFault(place, `${batteryPct} is no percentage`);
  return {
    at,
    exported,
    ...(batteryPct === undefined ? {} : { batteryPct }),
    ...(batteryW === undefined ? {} : { discharged: wattsAt(body, batteryW) }),
  };
}

function wattsAt(body: unknown, place: string): Watts {
  const value = toNumber(pointedAt(body, place), place);
  if (Math.abs(value) > MOST_WATTS) throw answerFault(place, `${value} W are more than any house`);
  return watts(value);
}

/** `reading` while it is fresh. */
export const freshSite = (reading: SiteReading | undefined, now: UnixMs): SiteReading | undefined =>
  reading !== undefined && Math.abs(elapsed(reading.at, now)) <= FRESH ? reading : undefined;
