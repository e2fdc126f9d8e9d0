import { after, elapsed, hours, minutes, type UnixMs, unixMs } from "../../units/time.ts";
import type { Rate } from "./rates.ts";

const SLOT = minutes(15);
const LONGEST = hours(24);
/** Prices of a day and the next: looking ahead must not reckon every quarter anew. */
const MOST_KNOWN = 32;

/** When a price of the day holds, by the clock on the wall; whatever is absent does not matter. */
export interface Zone {
  readonly perKwh: number;
  /** Minutes since midnight, in quarters of an hour; from above to runs over midnight. */
  readonly hours?: { readonly from: number; readonly to: number };
  /** 0 is Sunday. */
  readonly days?: readonly number[];
  /** 1 is January. */
  readonly months?: readonly number[];
}

export interface Calendar {
  /** Of the IANA database, such as Europe/Berlin. */
  readonly timeZone: string;
  readonly zones: readonly Zone[];
}

interface LocalTime {
  readonly minute: number;
  readonly day: number;
  readonly month: number;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/**
 * Finds the price of each quarter of an hour and until when it is the same, a day at most; the last zone that fits wins.
 * Days of 23 and 25 hours follow the zone's own rules.
 */
export function createCalendarRates({ timeZone, zones }: Calendar): (now: UnixMs) => Rate | undefined {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    weekday: "short",
    month: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  const priceFrom = (start: UnixMs): number | undefined => {
    const local = readLocal(format, start);
    return zones.findLast((one) => fits(one, local))?.perKwh;
  };
  const known: Rate[] = [];
  return (now) => {
    const found = known.find(({ start, end }) => start <= now && now < end);
    if (found !== undefined) return found;
    const start = unixMs(Math.floor(now / SLOT) * SLOT);
    const perKwh = priceFrom(start);
    if (perKwh === undefined) return undefined;
    let end = after(start, SLOT);
    while (elapsed(start, end) < LONGEST && priceFrom(end) === perKwh) end = after(end, SLOT);
    const rate = { start, end, perKwh };
    known.unshift(rate);
    known.length = Math.min(known.length, MOST_KNOWN);
    return rate;
  };
}

function readLocal(format: Intl.DateTimeFormat, at: UnixMs): LocalTime {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const number = (name: Intl.DateTimeFormatPartTypes) => Number(parts.get(name));
  return {
    minute: number("hour") * 60 + number("minute"),
    day: DAYS.indexOf(parts.get("weekday") ?? ""),
    month: number("month"),
  };
}

const fits = ({ hours, days, months }: Zone, { minute, day, month }: LocalTime): boolean =>
  (hours === undefined || isWithin(hours, minute)) &&
  (days?.includes(day) ?? true) &&
  (months?.includes(month) ?? true);

const isWithin = ({ from, to }: { readonly from: number; readonly to: number }, minute: number): boolean =>
  from < to ? minute >= from && minute < to : minute >= from || minute < to;
