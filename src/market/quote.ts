import { elapsed, type Millis, type UnixMs } from "../units/time.ts";

/** One fetched or fixed price. */
export interface Quote<U extends number> {
  readonly value: U;
  /** Where the value comes from, in words a person can check. */
  readonly source: string;
  readonly asOf: UnixMs;
  /** Absent for a price that does not age: an invented or contractually fixed one. */
  readonly maxAge?: Millis;
  /** True for a price made up for trying out; it is shown as such wherever it appears. */
  readonly invented: boolean;
}

export const isStale = (quote: Quote<number>, now: UnixMs): boolean =>
  quote.maxAge !== undefined && elapsed(quote.asOf, now) > quote.maxAge;
