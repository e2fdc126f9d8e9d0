import { sayGot } from "../../lib/wanted.ts";
import { pointedAt } from "../../market/answer.ts";
import { type UsdPerHour, usdPerHour } from "../../units/money.ts";
import { printable } from "../lines.ts";

/** No machine of graphics cards earns more; a price in cents or per month does. */
const MOST_USD_PER_HOUR = 10_000;
const HOURS_PER_DAY = 24;
const LONGEST_SHOWN = 40;

export type Said<T> =
  | { readonly kind: "said"; readonly value: T }
  | { readonly kind: "nonsense"; readonly reason: string };

/** Whether somebody uses the GPUs: `true`, `false`, or a count of customers, as JSON or at `pointer` in it. */
export function parseBusy(text: string, pointer: string | undefined): Said<boolean> {
  return pointed(
    text,
    pointer,
    (value) => {
      if (typeof value === "boolean") return value;
      if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value > 0;
      return undefined;
    },
    "true, false or a number from 0",
  );
}

/** What comes in, in USD per hour: a number of 0 or more, as JSON or at `pointer` in it. */
export function parseEarnings(text: string, pointer: string | undefined, per: "hour" | "day"): Said<UsdPerHour> {
  return pointed(
    text,
    pointer,
    (value) => {
      const hourly = typeof value === "number" ? value / (per === "day" ? HOURS_PER_DAY : 1) : Number.NaN;
      return hourly >= 0 && hourly <= MOST_USD_PER_HOUR ? usdPerHour(hourly) : undefined;
    },
    `a number of USD per ${per}, from 0`,
  );
}

function pointed<T>(
  text: string,
  pointer: string | undefined,
  read: (value: unknown) => T | undefined,
  wanted: string,
): Said<T> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    const shown = printable(text.slice(0, LONGEST_SHOWN), LONGEST_SHOWN);
    return { kind: "nonsense", reason: `wanted ${wanted}, got no JSON but ${shown === "" ? "nothing" : `"${shown}"`}` };
  }
  const found = pointer === undefined ? document : pointedAt(document, pointer);
  const value = read(found);
  if (value !== undefined) return { kind: "said", value };
  return { kind: "nonsense", reason: `wanted ${wanted}${pointer ? ` at ${pointer}` : ""}, got ${sayGot(found)}` };
}
