import { type Facts, RigError } from "../lib/errors.ts";

interface MarketFacts extends Facts {
  readonly code: "ERR_MARKET_FILE" | "ERR_MARKET_COIN";
  readonly file: string;
}

export class MarketError extends RigError<MarketFacts> {}

interface SourceFacts extends Facts {
  readonly code: "ERR_PRICE_ANSWER" | "ERR_PRICE_UNREACHABLE" | "ERR_PRICE_ADDRESS";
  /** The host, or the file. */
  readonly source: string;
  /** What the source wants us to wait before the next try, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** One source of prices failed; the others and the last believed price stand until they are too old. */
export class PriceSourceError extends RigError<SourceFacts> {}

/** The source said something that cannot be a price; `field` is where, `got` one printable line. */
export const answerFault = (field: string, got: string, cause?: unknown): PriceSourceError =>
  new PriceSourceError(
    `${field}: ${got}`,
    {
      code: "ERR_PRICE_ANSWER",
      source: field,
      mend: "check that the source's shape, address and unit in rig.yaml are what it really gives",
      retryable: true,
    },
    { cause },
  );
