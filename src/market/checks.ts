import type { FlightSheetConfig, RigConfig } from "../config/load.ts";
import { minedBy } from "../config/sheet-schema.ts";
import type { Check } from "../lib/check.ts";
import type { Clock } from "../lib/clock.ts";
import { readMarketFile } from "./file.ts";

/** Whether the market file prices the coin that is mined; where sources do, their answers are the agent's matter. */
export function marketChecks({ mining, market }: Pick<RigConfig, "mining" | "market">, clock: Clock): readonly Check[] {
  if (mining === undefined || market.sources.length > 0) return [];
  const run = () => {
    const file = readMarketFile(market.file, clock.now());
    const quotes = minedBy<Pick<FlightSheetConfig, "coin" | "algorithm">>(mining.sheets).map(({ coin, algorithm }) =>
      file.coin(coin, algorithm),
    );
    const coins = [...new Set(quotes.map(({ coin }) => coin))].join(", ");
    const isInvented = quotes.some(({ invented }) => invented);
    return {
      level: "ok",
      found: `${market.file} prices ${coins}${isInvented ? ", at an invented price" : ""}`,
    } as const;
  };
  return [{ name: "market file", run }];
}
