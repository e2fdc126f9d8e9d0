import { readFileSync } from "node:fs";
import { z } from "zod";
import { elapsed, hours, type UnixMs, unixMs } from "../../units/time.ts";
import { type Rate, type RateSeries, rateAt, scaleOf } from "./rates.ts";

/** What a source said otherwise before is believed once it has stood that long, over that many answers. */
const INSISTENCE = hours(1);
const FEWEST_ANSWERS = 3;
/** An hour this much cheaper than the same source said before contradicts it. */
const CONTRADICTION = 0.99;
const REMEMBERED_DAYS = 14;
/** With fewer days a source's own range proves nothing. */
const FEWEST_DAYS = 2;
/** Above this many times its dearest hour of two weeks, and above this price, no work pays anyway. */
const HEADROOM = 5;
const DEAR_PER_KWH = 0.5;
const AHEAD_DAYS = 2;
const DAY_MS = 86_400_000;

const memorySchema = z.array(z.object({ day: z.int(), low: z.number(), high: z.number() })).max(100);

/** The cheapest and the dearest believed price of each UTC day. */
type DayRanges = z.output<typeof memorySchema>;

/** What a series said before the restart; nothing where nothing usable was kept. */
export function readSeriesMemory(file: string): DayRanges {
  try {
    return memorySchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Missing or damaged: the range is learned anew.
    return [];
  }
}

interface GuardedRate extends Rate {
  readonly currency: string;
  /** Other than what the source says now. */
  readonly isHeld?: true;
}

/** One claim that goes beyond what is believed, and how often it was heard. */
interface Claim {
  readonly since: UnixMs;
  readonly answers: number;
  /** The least that all of these answers claimed. */
  readonly value: number;
}

/**
 * One series that may be wrong for a while: an hour that grows cheaper than it was published, and a price outside of what
 * the source said in two weeks, has to be said for an hour. Prices are only ever held, never refused: power really goes
 * below zero and really spikes, and what is published a day ahead has stood long before it matters. Written by `take`.
 */
export class SeriesGuard {
  #series: RateSeries | undefined;
  #before: { readonly series: RateSeries; readonly since: UnixMs; readonly answers: number } | undefined;
  #days: Readonly<DayRanges>;
  #low: Claim | undefined;
  #high: Claim | undefined;

  constructor(memory: Readonly<DayRanges> = []) {
    this.#days = memory;
  }

  get memory(): Readonly<DayRanges> {
    return this.#days;
  }

  /** True while something that was said is not believed yet. */
  get isWaiting(): boolean {
    return this.#before !== undefined || this.#low !== undefined || this.#high !== undefined;
  }

  take(series: RateSeries, now: UnixMs): void {
    if (this.#series !== undefined && this.#series.currency !== series.currency) this.#days = [];
    this.#contradict(series, now);
    this.#series = series;
    const soon = series.rates.filter(({ start }) => Math.abs(elapsed(start, now)) < AHEAD_DAYS * DAY_MS);
    const range = this.#range(now);
    const prices = soon.map(({ perKwh }) => perKwh);
    const [low, high] = [Math.min(...prices), Math.max(...prices)];
    this.#low = range !== undefined && low < range.low ? claimed(this.#low, low, Math.max, now) : undefined;
    this.#high = range !== undefined && high > range.high ? claimed(this.#high, high, Math.min, now) : undefined;
    for (const { start, perKwh } of soon) if (!isBeyond(perKwh, range)) this.#remember(start, perKwh, now);
    for (const side of ["low", "high"] as const) this.#grant(side, now);
  }

  /** The price at `now`, held where it is not believed yet; then nobody promises how long it stands. */
  rateAt(now: UnixMs): GuardedRate | undefined {
    const rate = this.#series && rateAt(this.#series, now);
    if (rate === undefined || this.#series === undefined) return undefined;
    const { currency } = this.#series;
    const range = this.#range(now);
    const said = [rate.perKwh, (this.#before && rateAt(this.#before.series, now)?.perKwh) ?? rate.perKwh];
    const perKwh = Math.max(...said.map((price) => within(price, range)));
    return { ...rate, currency, perKwh, ...(perKwh === rate.perKwh ? {} : { isHeld: true }) };
  }

  /** Keeps what was published before while the new answer makes an hour cheaper. */
  #contradict(series: RateSeries, now: UnixMs): void {
    const held = this.#before;
    const former = held?.series ?? this.#series;
    if (former === undefined || former.currency !== series.currency || !isCheaper(series, former, now)) {
      this.#before = undefined;
      return;
    }
    const isSameStory = held !== undefined && this.#series !== undefined && !isCheaper(series, this.#series, now);
    const { since, answers } = isSameStory && elapsed(held.since, now) >= 0 ? held : { since: now, answers: 0 };
    const isOver = answers + 1 >= FEWEST_ANSWERS && elapsed(since, now) >= INSISTENCE;
    this.#before = isOver ? undefined : { series: former, since, answers: answers + 1 };
  }

  /** What the source said in two weeks, with room above; undefined while that is too little to go by. */
  #range(now: UnixMs): Range | undefined {
    const days = this.#days.filter(({ day }) => isRecent(day, now));
    if (days.length < FEWEST_DAYS) return undefined;
    const high = Math.max(...days.map((day) => day.high));
    return {
      low: Math.min(...days.map(({ low }) => low)),
      high: Math.max(HEADROOM * high, DEAR_PER_KWH * scaleOf(this.#series?.currency ?? "")),
    };
  }

  /** What was claimed for long enough becomes part of the range. */
  #grant(side: "low" | "high", now: UnixMs): void {
    const claim = side === "low" ? this.#low : this.#high;
    if (claim === undefined || claim.answers < FEWEST_ANSWERS || elapsed(claim.since, now) < INSISTENCE) return;
    this.#remember(now, claim.value, now);
    if (side === "low") this.#low = undefined;
    else this.#high = undefined;
  }

  #remember(at: UnixMs, perKwh: number, now: UnixMs): void {
    const day = Math.floor(at / DAY_MS);
    const found = this.#days.find((one) => one.day === day) ?? { day, low: perKwh, high: perKwh };
    const others = this.#days.filter((one) => one.day !== day && isRecent(one.day, now));
    this.#days = [...others, { day, low: Math.min(found.low, perKwh), high: Math.max(found.high, perKwh) }];
  }
}

interface Range {
  readonly low: number;
  readonly high: number;
}

const within = (price: number, range: Range | undefined): number =>
  range === undefined ? price : Math.min(range.high, Math.max(range.low, price));

const isRecent = (day: number, now: UnixMs): boolean => {
  const age = Math.floor(now / DAY_MS) - day;
  return age <= REMEMBERED_DAYS && age >= -AHEAD_DAYS;
};

const isBeyond = (perKwh: number, range: Range | undefined): boolean =>
  range !== undefined && (perKwh < range.low || perKwh > range.high);

/** A clock that was set back begins the claim anew. */
function claimed(before: Claim | undefined, value: number, least: (...values: number[]) => number, now: UnixMs): Claim {
  if (before === undefined || elapsed(before.since, now) < 0) return { since: now, answers: 1, value };
  return { since: before.since, answers: before.answers + 1, value: least(before.value, value) };
}

/** Whether one hour still to come costs less in `series` than it did in `former`. */
const isCheaper = (series: RateSeries, former: RateSeries, now: UnixMs): boolean =>
  series.rates.some(({ start, end, perKwh }) => {
    if (end <= now || elapsed(now, start) > AHEAD_DAYS * DAY_MS) return false;
    const old = rateAt(former, unixMs(Math.max(start, now)))?.perKwh;
    return old !== undefined && perKwh < old - Math.abs(old) * (1 - CONTRADICTION);
  });
