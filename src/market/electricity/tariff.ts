import { createHash } from "node:crypto";
import { join } from "node:path";
import type { RigConfig } from "../../config/load.ts";
import { messageOf } from "../../lib/errors.ts";
import { type Watts, watts } from "../../units/energy.ts";
import { type UsdPerKwh, usdPerKwh } from "../../units/money.ts";
import { after, elapsed, hours, type Millis, minutes, type UnixMs, unixMs } from "../../units/time.ts";
import { parseJson } from "../answer.ts";
import type { Currencies } from "../currencies.ts";
import { writeCache } from "../fetch/cache.ts";
import { type Feed, type FeedOptions, nameOf, openFeed } from "../fetch/feed.ts";
import { medianOf } from "../guard.ts";
import type { Quote } from "../quote.ts";
import { createCalendarRates } from "./calendar.ts";
import { type DemandFacts, DemandGuard, readDemandMemory } from "./demand-guard.ts";
import type { Rate } from "./rates.ts";
import { readSeriesMemory, SeriesGuard } from "./series-guard.ts";
import { parseRates } from "./shapes.ts";
import { freshSite, parseSite, type SiteReading } from "./site.ts";

type ElectricityConfig = RigConfig["electricity"];
type Site = NonNullable<ElectricityConfig["site"]>;
type Battery = NonNullable<Site["battery"]>;

const AHEAD: Millis = hours(24);
/** Day-ahead prices reach no further: after that long without an answer only standing ones are left, and those may have changed. */
const SERIES_AGE: Millis = hours(48);
const STEP: Millis = minutes(15);

/** Everything the price of one more kilowatt-hour depends on. */
export interface PowerFacts {
  /** What the grid's costs, all in; absent where nobody knows. */
  readonly grid?: UsdPerKwh;
  /** Until when the grid's price stands, its exchange rate aside. */
  readonly gridUntil?: UnixMs;
  /** The highest known price of the next day. */
  readonly gridAhead?: UsdPerKwh;
  /** What the house has left over, the rig's own draw not counted. */
  readonly surplus?: { readonly power: Watts; readonly feedIn: UsdPerKwh };
  readonly battery?: Battery & { readonly chargePct: number };
  /** With what else the rig draws now. */
  readonly demand?: DemandFacts & { readonly otherLoad: Watts };
}

interface OpenSeries {
  readonly guard: SeriesGuard;
  /** Absent for a file: it is the operator's word until the end that it names. */
  readonly maxAge?: Millis;
  /** Of the last answer that could be read. */
  at: UnixMs;
}

interface TariffParts {
  readonly config: ElectricityConfig;
  readonly currencies: Currencies;
  readonly options: FeedOptions;
}

/** What electricity costs now. Written by its feeds and by `observe`, read by anybody. */
export class Tariff {
  readonly #config: ElectricityConfig;
  readonly #currencies: Currencies;
  readonly #options: FeedOptions;
  readonly #calendar: ((now: UnixMs) => Rate | undefined) | undefined;
  readonly #series: OpenSeries[] = [];
  readonly #demand: DemandGuard | undefined;
  /** Keeps the month's peak over restarts. */
  readonly #demandFile: string;
  #keptPeak: number | undefined;
  #site: SiteReading | undefined;
  readonly feeds: readonly Feed[];

  constructor({ config, currencies, options }: TariffParts) {
    this.#config = config;
    this.#currencies = currencies;
    this.#options = options;
    this.#demandFile = join(options.cacheDir, "demand-peak.json");
    const { calendar, series, site, demandCharge } = config;
    this.#calendar = calendar && createCalendarRates(calendar);
    this.#demand =
      demandCharge &&
      new DemandGuard(
        { usdPerKwMonth: demandCharge.usdPerKwMonth, floor: watts(demandCharge.floorKw * 1000) },
        readDemandMemory(this.#demandFile),
      );
    const ofSite = site === undefined ? [] : [this.#openSite(site)];
    this.feeds = [...series.map((source) => this.#openSeries(source)), ...ofSite];
  }

  /** What the grid's kilowatt-hour costs at `now`, charges and taxes included; undefined in a hole. */
  quote(now: UnixMs): Quote<UsdPerKwh> | undefined {
    return this.#quoteOf(now, now);
  }

  /** What a kilowatt-hour of `now` costs, as far as it is known at `asked`. */
  #quoteOf(now: UnixMs, asked: UnixMs): Quote<UsdPerKwh> | undefined {
    const { price, calendar, series, charges } = this.#config;
    const facts = { unit: "USD/kWh", invented: false } as const;
    if (calendar === undefined && series.length === 0)
      return {
        ...facts,
        value: price,
        currency: "USD",
        source: "electricity.usdPerKwh",
        asOf: now,
        until: after(now, AHEAD),
      };
    const found = calendar === undefined ? this.#fromSeries(now, asked) : this.#fromCalendar(now, calendar.currency);
    const rate = found && this.#currencies.rate(found.currency, asked);
    if (found === undefined || rate === undefined) return undefined;
    const value = usdPerKwh((found.perKwh + charges.perKwh) * (1 + charges.taxPct / 100) * rate);
    return {
      ...facts,
      value,
      currency: found.currency,
      source: found.source,
      asOf: found.asOf,
      until: found.until,
      ...(found.maxAge === undefined ? {} : { maxAge: found.maxAge }),
    };
  }

  /** What is booked for a kilowatt-hour: the price now, or the configured one in a hole. */
  booked(now: UnixMs): UsdPerKwh {
    return this.quote(now)?.value ?? this.#config.price;
  }

  /** What one of `gpus` like ones has to reckon with while the rig draws `load`. */
  facts(now: UnixMs, load: Watts | undefined, gpus: number): PowerFacts {
    const { site: terms } = this.#config;
    const { value: grid, until } = this.quote(now) ?? {};
    const site = freshSite(this.#site, now);
    const share = (power: number): Watts => watts(power / Math.max(1, gpus));
    const battery = terms?.battery;
    const ahead = battery === undefined ? undefined : this.#highestAhead(now);
    return {
      ...(grid === undefined ? {} : { grid }),
      ...(until === undefined ? {} : { gridUntil: until }),
      ...(ahead === undefined ? {} : { gridAhead: ahead }),
      ...(site === undefined || terms === undefined || load === undefined
        ? {}
        : { surplus: { power: share(surplusOf(site, terms, load)), feedIn: usdPerKwh(terms.feedInUsdPerKwh) } }),
      ...(battery === undefined || site?.batteryPct === undefined
        ? {}
        : { battery: { ...battery, maxDischargeW: share(battery.maxDischargeW), chargePct: site.batteryPct } }),
      ...(this.#demand === undefined || load === undefined
        ? {}
        : {
            demand: {
              ...this.#demand.facts(now),
              otherLoad: watts(this.#drawn(load, now) * (1 - 1 / Math.max(1, gpus))),
            },
          }),
    };
  }

  /** To be called every few seconds with what the rig draws. */
  observe(load: Watts, now: UnixMs): void {
    if (this.#demand === undefined) return;
    this.#demand.observe(this.#drawn(load, now), now);
    const { memory } = this.#demand;
    if (memory.peakW === this.#keptPeak) return;
    this.#keptPeak = memory.peakW;
    this.#keep(this.#demandFile, memory);
  }

  /** What comes from the grid: the house's, where its connection is metered. */
  #drawn(load: Watts, now: UnixMs): Watts {
    const site = freshSite(this.#site, now);
    return site === undefined ? load : watts(Math.max(0, -site.exported));
  }

  #fromCalendar(now: UnixMs, currency: string) {
    const rate = this.#calendar?.(now);
    return (
      rate && {
        perKwh: rate.perKwh,
        currency,
        source: "electricity.calendar",
        asOf: rate.start,
        until: rate.end,
        maxAge: AHEAD,
      }
    );
  }

  /** The higher one of two that disagree: work on power believed too cheap loses money. */
  #fromSeries(now: UnixMs, asked: UnixMs) {
    const found = this.#series.flatMap(({ guard, at, maxAge }) => {
      const isOld = maxAge !== undefined && elapsed(at, asked) > maxAge;
      const rate = isOld ? undefined : guard.rateAt(now);
      return rate === undefined ? [] : [{ ...rate, at, maxAge }];
    });
    const [first] = found;
    const median = medianOf(found.filter(({ currency }) => currency === first?.currency).map(({ perKwh }) => -perKwh));
    if (first === undefined || median === undefined) return undefined;
    const until = found.some(({ isHeld }) => isHeld) ? undefined : unixMs(Math.min(...found.map(({ end }) => end)));
    return {
      perKwh: -median,
      currency: first.currency,
      source: "electricity.series",
      asOf: first.at,
      until,
      maxAge: first.maxAge,
    };
  }

  #highestAhead(now: UnixMs): UsdPerKwh | undefined {
    const prices: number[] = [];
    for (let ahead = 0; ahead < AHEAD; ahead += STEP) {
      const value = this.#quoteOf(after(now, ahead as Millis), now)?.value;
      if (value !== undefined) prices.push(value);
    }
    return prices.length === 0 ? undefined : usdPerKwh(Math.max(...prices));
  }

  #openSeries(source: ElectricityConfig["series"][number]): Feed {
    const { clock, cacheDir, logger } = this.#options;
    const { shape, file, url = file, area = "" } = source;
    const kept = createHash("sha256").update(`${shape} ${area} ${url}`).digest("hex").slice(0, 32);
    const memoryFile = join(cacheDir, `series-${kept}.json`);
    const guard = new SeriesGuard(readSeriesMemory(memoryFile));
    const state: OpenSeries = { guard, at: unixMs(0), ...(file === undefined ? { maxAge: SERIES_AGE } : {}) };
    this.#series.push(state);
    const onText = (text: string, at: UnixMs) => {
      const wasWaiting = guard.isWaiting;
      const before = guard.memory;
      guard.take(parseRates(shape, text, source), clock.now());
      state.at = at;
      if (guard.isWaiting && !wasWaiting)
        logger.warn(
          "an electricity price is held for an hour: its source never said such a one in two weeks, or said another for the same hour",
          { name: nameOf(source) },
        );
      if (guard.memory !== before) this.#keep(memoryFile, guard.memory);
    };
    // A file is read again while it waits; a server is not asked more often for that.
    const isAwaited = () => file !== undefined && guard.isWaiting;
    return openFeed(source, { shape, onText, isAwaited }, this.#options);
  }

  #keep(file: string, memory: object): void {
    if (this.#options.isReadOnly) return;
    try {
      writeCache(file, memory);
    } catch (error) {
      this.#options.logger.warn("what electricity cost cannot be kept", { reason: messageOf(error) });
    }
  }

  #openSite(site: Site): Feed {
    const onText = (text: string, at: UnixMs) => {
      this.#site = parseSite(parseJson(text), site, at);
    };
    return openFeed(site, { onText }, this.#options);
  }
}

/**
 * What is left over without the rig. A battery that feeds the rig looks like sun at the meter: what it gives is taken off,
 * and where nobody says how much that is, only what really flows out counts.
 */
function surplusOf({ exported, discharged }: SiteReading, { battery, batteryPct }: Site, load: Watts): number {
  const isBlind = discharged === undefined && (battery !== undefined || batteryPct !== undefined);
  return Math.max(0, isBlind ? exported : exported + load - (discharged ?? 0));
}
