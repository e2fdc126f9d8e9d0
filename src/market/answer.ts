import { sayGot, valueAt } from "../lib/wanted.ts";
import { type UnixMs, unixMs } from "../units/time.ts";
import { answerFault } from "./errors.ts";

export type Fields = Readonly<Record<string, unknown>>;

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?\s*$/i;
const LONGEST_NUMBER = 80;
/** Before this no source existed, and seconds taken for milliseconds fall before it. */
const EARLIEST_MS = Date.UTC(2009, 0, 3);
const LATEST_MS = Date.UTC(2200, 0, 1);

/** Parses `text`, or throws with what stands there instead: usually an error page. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw answerFault("the answer", `no JSON but ${sayGot(text.trim())}`, cause);
  }
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function toFields(value: unknown, field: string): Fields {
  if (isFields(value)) return value;
  throw answerFault(field, `wanted an object, got ${sayGot(value)}`);
}

export function toList(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw answerFault(field, `wanted a list, got ${sayGot(value)}`);
}

/** A finite number, also as text; undefined where there is none. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  if (typeof value === "string" && (value.length > LONGEST_NUMBER || !NUMBER.test(value))) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function toNumber(value: unknown, field: string): number {
  const number = numberOf(value);
  if (number !== undefined) return number;
  throw answerFault(field, `wanted a number, got ${sayGot(value)}`);
}

/** A number above 0: a price of 0 is a source without data, and a rate of 0 divides by nothing. */
export function toPositive(value: unknown, field: string): number {
  const number = toNumber(value, field);
  if (number > 0) return number;
  throw answerFault(field, `wanted a number above 0, got ${sayGot(value)}`);
}

export function toText(value: unknown, field: string): string {
  if (typeof value === "string" && value !== "" && value.length <= 200) return value;
  throw answerFault(field, `wanted a text, got ${sayGot(value)}`);
}

/** A moment from Unix seconds. */
export function toMoment(value: unknown, field: string): UnixMs {
  return within(toNumber(value, field) * 1000, value, field);
}

const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/;

/** A moment from ISO 8601; a time without a zone means nothing and is refused. */
export function toInstant(value: unknown, field: string): UnixMs {
  if (typeof value !== "string" || !ISO.test(value))
    throw answerFault(field, `wanted a time with its zone, got ${sayGot(value)}`);
  return within(Date.parse(value.replace(" ", "T")), value, field);
}

function within(ms: number, value: unknown, field: string): UnixMs {
  if (ms >= EARLIEST_MS && ms <= LATEST_MS) return unixMs(ms);
  throw answerFault(field, `wanted a time of this century, got ${sayGot(value)}`);
}

/** The keys of a JSON pointer (RFC 6901). */
const keysOf = (pointer: string): readonly string[] =>
  pointer === ""
    ? []
    : pointer
        .slice(1)
        .split("/")
        .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));

/** What stands at `pointer`. */
export const pointedAt = (value: unknown, pointer: string): unknown => valueAt(value, keysOf(pointer));
