import { after, minutes, type UnixMs, unixMs } from "../../units/time.ts";
import type { Rate } from "./rates.ts";

const SLOT = minutes(15);

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

/** Finds the price of each quarter of an hour; the last zone that fits wins. Days of 23 and 25 hours follow the zone's own rules. */
export function createCalendarRates({ timeZone, zones }: Calendar): (now: UnixMs) => Rate | undefined {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    weekday: "short",
    month: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  return (now) => {
    const start = unixMs(Math.floor(now / SLOT) * SLOT);
    const local = readLocal(format, start);
    const zone = zones.findLast((one) => fits(one, local));
    return zone && { start, end: after(start, SLOT), perKwh: zone.perKwh };
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
