import { elapsed, type Millis, minutes, type UnixMs } from "../units/time.ts";

/** What a quote's value counts. */
export type QuoteUnit = "USD/TH" | "USD/kWh" | "USD/Mtok" | "USD/GPU-h";

/** One fetched or fixed price. */
export interface Quote<U extends number> {
  readonly value: U;
  readonly unit: QuoteUnit;
  /** What the source quotes in; `value` is already in US dollars. */
  readonly currency: string;
  /** Where the value comes from, in words a person can check. */
  readonly source: string;
  readonly asOf: UnixMs;
  /** Absent for a price that does not age: an invented or contractually fixed one. */
  readonly maxAge?: Millis | undefined;
  /**
   * Until when it surely stands: the end of a published hour, or the next question to its sources. At most a day ahead;
   * absent while nobody promises anything.
   */
  readonly until?: UnixMs | undefined;
  /** True while a source said another price that nobody has confirmed yet: then nobody promises anything. */
  readonly isMoving?: boolean;
  /** True for a price made up for trying out; it is shown as such wherever it appears. */
  readonly invented: boolean;
}

/** A time this far ahead of ours is a mistake, or our clock was set back. */
const CLOCK_SLACK = minutes(5);

export const isAhead = (asOf: UnixMs, now: UnixMs): boolean => elapsed(now, asOf) > CLOCK_SLACK;

/** Too old, or of a time still to come, which would never grow old. */
export const isStale = (quote: Pick<Quote<number>, "asOf" | "maxAge">, now: UnixMs): boolean =>
  quote.maxAge !== undefined && (elapsed(quote.asOf, now) > quote.maxAge || isAhead(quote.asOf, now));

/** What `quote` says, unless it is too old or says nothing. */
export const freshValue = <U extends number>(
  quote: Omit<Quote<U>, "value"> & { readonly value: U | undefined },
  now: UnixMs,
): U | undefined => (isStale(quote, now) ? undefined : quote.value);
