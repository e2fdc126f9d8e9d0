import { z } from "zod";
import { DEFAULT_LIST_LIMIT, ENERGY_BUCKETS, type EnergyBucket, GREATEST_LIST_LIMIT } from "../api/routes.ts";
import { objectionOf } from "../lib/wanted.ts";
import { hours, type UnixMs } from "../units/time.ts";
import { type Checked, ok, type Refusal, refused } from "./refusal.ts";

const DAY_MS = hours(24);
const LATEST_MS = 8_640_000_000_000_000;

/** The longest range per bucket width, so that one answer stays a few megabytes on the largest rig. */
const GREATEST_DAYS: Readonly<Record<EnergyBucket, number>> = { "15m": 8, "1h": 32, "1d": 400 };

const digits = z.string().regex(/^\d{1,16}$/, "a whole number");
const limit = digits
  .transform(Number)
  .pipe(z.int("a whole number").min(1, "at least 1").max(GREATEST_LIST_LIMIT, `at most ${GREATEST_LIST_LIMIT}`));
const instant = z
  .union([digits.transform(Number), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))], {
    error: "Unix milliseconds or an RFC 3339 time with its offset",
  })
  .pipe(z.int("a time").min(0, "a time after 1970").max(LATEST_MS, "a time before the year 275760"));

const listQuery = z.strictObject({ limit: limit.default(DEFAULT_LIST_LIMIT) });
const jobsQuery = z.strictObject({ limit: limit.default(DEFAULT_LIST_LIMIT), before: instant.exactOptional() });
const energyQuery = z.strictObject({
  from: instant.exactOptional(),
  to: instant.exactOptional(),
  bucket: z.enum(ENERGY_BUCKETS, `one of ${ENERGY_BUCKETS.join(", ")}`).default("15m"),
});

const invalid = (message: string, param?: string): Refusal => ({
  status: 400,
  code: "ERR_HTTP_INVALID_QUERY",
  message,
  mend: "see /api/v1/openapi.json for the parameters of each route",
  ...(param !== undefined && { param }),
});

/** One line that names the first wrong field of `value`, what was wanted and what stands there. */
export function describeIssues(
  error: z.ZodError,
  value: unknown,
): { readonly message: string; readonly param: string | undefined } {
  const { path: param, message } = objectionOf(error, value);
  return { message: `${param?.replace(/[^\x20-\x7e]/g, "?").slice(0, 80) ?? "request"}: ${message}`, param };
}

function check<T>(schema: z.ZodType<T>, query: unknown): Checked<T> {
  const result = schema.safeParse(query);
  if (result.success) return ok(result.data);
  const { message, param } = describeIssues(result.error, query);
  return refused(invalid(message, param));
}

export const parseListQuery = (query: unknown): Checked<{ limit: number }> => check(listQuery, query);
export const parseNoQuery = (query: unknown): Checked<object> => check(z.strictObject({}), query);
export const parseJobsQuery = (query: unknown): Checked<{ limit: number; before?: number }> => check(jobsQuery, query);

export interface EnergyRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bucket: EnergyBucket;
}

/** Bounds of an energy query; `now` fills in an absent end, and the start is a day before the end when absent. */
export function parseEnergyQuery(query: unknown, now: UnixMs): Checked<EnergyRange> {
  const checked = check(energyQuery, query);
  if (checked.kind === "refused") return checked;
  const { to = now, bucket } = checked.value;
  const { from = Math.max(0, to - DAY_MS) } = checked.value;
  if (from >= to) return refused(invalid("from: must lie before to", "from"));
  const days = GREATEST_DAYS[bucket];
  if (to - from > days * DAY_MS) return refused(invalid(`from: at most ${days} days with bucket ${bucket}`, "from"));
  return ok({ fromMs: from, toMs: to, bucket });
}
