import { elapsed, hours, type UnixMs } from "../../units/time.ts";
import { answerFault } from "../errors.ts";

/** A price that holds from `start` until just before `end`, per kWh in the currency of its source. */
export interface Rate {
  readonly start: UnixMs;
  readonly end: UnixMs;
  readonly perKwh: number;
}

/** Prices in time order, none overlapping another; a hole between two is a time without a price. */
export interface RateSeries {
  readonly currency: string;
  readonly rates: readonly Rate[];
}

/** Beyond these no market has ever cleared; a price per MWh taken for one per kWh lies beyond them. */
const LOWEST = -5;
const HIGHEST = 25;
/** In euros or dollars; of a smaller currency a kilowatt-hour costs more of it. */
const SMALL_CURRENCIES: Readonly<Record<string, number>> = {
  SEK: 12,
  NOK: 12,
  DKK: 8,
  CZK: 25,
  PLN: 5,
  HUF: 400,
  JPY: 150,
  RON: 5,
  BGN: 2,
};
const MOST_RATES = 20_000;
const LONGEST = hours(24 * 366 * 5);

/** Orders and checks what a source gave; throws where two prices claim the same moment, or one is beyond all markets. */
export function toSeries(currency: string, unordered: readonly Rate[]): RateSeries {
  if (unordered.length === 0) throw answerFault("the answer", "it holds no price");
  if (!/^[A-Z]{3}$/.test(currency))
    throw answerFault("currency", `wanted three letters, got "${currency.slice(0, 20)}"`);
  if (unordered.length > MOST_RATES)
    throw answerFault("the answer", `${unordered.length} prices are more than ${MOST_RATES}`);
  const rates = unordered
    .toSorted((a, b) => a.start - b.start)
    .filter((rate, index, all) => !isRepeat(rate, all[index - 1]));
  const scale = scaleOf(currency);
  for (const [index, { start, end, perKwh }] of rates.entries()) {
    const where = new Date(start).toISOString();
    if (end <= start || elapsed(start, end) > LONGEST) throw answerFault(where, "the price ends before it begins");
    if (!(perKwh >= LOWEST * scale && perKwh <= HIGHEST * scale))
      throw answerFault(where, `${perKwh} ${currency} per kWh is beyond every market: is the unit right?`);
    const next = rates[index + 1];
    if (next !== undefined && next.start < end) throw answerFault(where, "two prices for the same time");
  }
  return { currency, rates };
}

/** How much more of `currency` a kilowatt-hour costs than of euros or dollars, roughly. */
export const scaleOf = (currency: string): number => SMALL_CURRENCIES[currency] ?? 1;

const isRepeat = (rate: Rate, before: Rate | undefined): boolean =>
  before !== undefined && before.start === rate.start && before.end === rate.end && before.perKwh === rate.perKwh;

/** The rate that holds at `now`; undefined in a hole and beyond both ends. */
export function rateAt({ rates }: RateSeries, now: UnixMs): Rate | undefined {
  let low = 0;
  let high = rates.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rates[middle]?.start ?? Number.POSITIVE_INFINITY) <= now) low = middle + 1;
    else high = middle;
  }
  const rate = rates[low - 1];
  return rate !== undefined && now < rate.end ? rate : undefined;
}
