import { UsageError } from "./errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

const PAST = "give a UTC time such as 2026-01-31 or 2026-01-31T14:00, or how long ago such as 24h or 7d";

/** A moment as Unix milliseconds: a date or time (UTC unless it names a zone), or how long ago, such as `24h`. */
export function parseMoment(text: string, option: string, now: number, mend = PAST): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const size = UNIT_MS[unit ?? ""];
  if (amount !== undefined && size !== undefined) return now - Number(amount) * size;
  const at = ISO.test(text) ? Date.parse(inUtc(text.replace(" ", "T"))) : Number.NaN;
  if (Number.isFinite(at)) return at;
  throw new UsageError(`${option}: got ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend,
  });
}

/** A date alone is UTC by itself; a time without a zone would be local. */
const inUtc = (text: string): string =>
  text.includes("T") && !/(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? `${text}Z` : text;
