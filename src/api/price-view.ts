import type { FlightSheetConfig } from "../config/load.ts";
import { minedBy } from "../config/sheet-schema.ts";
import type { CoinQuote } from "../market/file.ts";
import type { Market } from "../market/market.ts";
import { freshValue } from "../market/quote.ts";
import type { UnixMs } from "../units/time.ts";
import type { CoinPriceView, MarketView } from "./shapes.ts";

/** The quote of one of a flight sheet's coins. */
interface SheetQuote {
  readonly sheet: string;
  readonly quote: CoinQuote;
}

/** Of every coin of every flight sheet, in order. */
export const quotesOf = (sheets: readonly FlightSheetConfig[], market: Pick<Market, "coin">): readonly SheetQuote[] =>
  sheets.flatMap((sheet) =>
    minedBy<Pick<FlightSheetConfig, "coin">>([sheet]).flatMap((mined) => {
      const quote = market.coin(mined);
      return quote === undefined ? [] : [{ sheet: sheet.name, quote }];
    }),
  );

export const toCoinPriceView = ({ sheet, quote }: SheetQuote, now: UnixMs): CoinPriceView => ({
  sheet,
  coin: quote.coin,
  source: quote.source,
  asOfMs: quote.asOf,
  invented: quote.invented,
  usdPerTerahash: freshValue(quote, now) ?? null,
});

/** One for all: a sum that has any invented price in it is no real one. */
export function toMarketView(quotes: readonly SheetQuote[], started: UnixMs): MarketView {
  const [first] = quotes;
  return {
    source: first?.quote.source ?? "none",
    asOfMs: first?.quote.asOf ?? started,
    invented: quotes.some(({ quote }) => quote.invented),
  };
}
