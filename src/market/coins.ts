import { isAbout } from "../config/coin-sources.ts";
import type { FlightSheetConfig, RigConfig } from "../config/load.ts";
import { minedBy } from "../config/sheet-schema.ts";
import { toOneLine } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { seconds, type UnixMs } from "../units/time.ts";
import { type CoinListener, CoinPrice, type CoinSource } from "./coin-price.ts";
import type { Currencies } from "./currencies.ts";
import { type Feed, type FeedOptions, nameOf, openFeed } from "./fetch/feed.ts";
import { type CoinQuote, watchMarketFile } from "./file.ts";

const LOOK_EVERY = seconds(5);

type MinedCoin = Pick<FlightSheetConfig, "coin" | "algorithm" | "fees">;

interface OpenCoins {
  readonly quotes: ReadonlyMap<string, CoinQuote>;
  readonly feeds: readonly Feed[];
  /** Values again what came in a currency that nobody could change then. */
  retry(): void;
}

/** A quote for every coin that a flight sheet mines; throws `MarketError` where the market file lacks one. */
export function openCoins({ mining, market }: RigConfig, currencies: Currencies, options: FeedOptions): OpenCoins {
  const { sources, file, terms } = market;
  const sheets = minedBy<MinedCoin>(mining?.sheets ?? []);
  const wanted = sheets.filter(({ coin }, index) => sheets.findIndex((other) => other.coin === coin) === index);
  if (sources.length === 0) {
    const watched = wanted.map(({ coin, algorithm }) => {
      return watchMarketFile(file, { coin, algorithm }, { ...options, every: LOOK_EVERY });
    });
    const quotes = new Map(watched.map(({ quote }) => [quote.coin, quote]));
    return { quotes, feeds: watched.map(({ feed }) => feed), retry: () => {} };
  }
  const prices = wanted.map(({ coin, algorithm, fees }) => {
    const own = sources.filter((source) => isAbout(source, coin));
    const poolFeePct = fees.poolFeePct ?? terms.poolFeePct;
    return new CoinPrice({ ...options, coin, algorithm, sources: own, currencies, poolFeePct });
  });
  const listeners = prices.flatMap((price) => price.listeners);
  return {
    quotes: new Map(prices.map(({ quote }) => [quote.coin, quote])),
    feeds: sources.flatMap((source) => openShared(source, listeners, options)),
    retry: () => {
      for (const price of prices) price.retry();
    },
  };
}

/** One source is asked once for all the coins that it prices. */
function openShared(source: CoinSource, all: readonly CoinListener[], options: FeedOptions): readonly Feed[] {
  const listeners = all.filter((one) => one.source === source);
  if (listeners.length === 0) return [];
  const onText = tellAll(listeners, nameOf(source), options.logger);
  const isAwaited = () => listeners.some((one) => one.isAwaited());
  return [openFeed(source, { onText, isAwaited }, options)];
}

/** A source that knows one coin and not another has not failed; it is told once what it does not know. */
function tellAll(listeners: readonly CoinListener[], name: string, logger: Logger) {
  const told = new Map<CoinListener, string>();
  return (text: string, read: UnixMs): void => {
    const faults = listeners.flatMap((listener) => {
      try {
        listener.onText(text, read);
        told.delete(listener);
        return [];
      } catch (error) {
        return [{ listener, error }];
      }
    });
    const [first] = faults;
    if (first !== undefined && faults.length === listeners.length) throw first.error;
    for (const { listener, error } of faults) {
      const reason = toOneLine(error);
      if (told.get(listener) !== reason) logger.warn("a price source has nothing for a coin", { name, reason });
      told.set(listener, reason);
    }
  };
}
