import { type Facts, RigError } from "../lib/errors.ts";

interface MarketFacts extends Facts {
  readonly code: "ERR_MARKET_FILE" | "ERR_MARKET_COIN";
  readonly file: string;
}

export class MarketError extends RigError<MarketFacts> {}
