import type { RigConfig } from "../config/load.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Market } from "../market/market.ts";
import type { Watts } from "../units/energy.ts";
import type { UsdPerKwh } from "../units/money.ts";
import { elapsed, hours, minutes, type UnixMs, unixMs } from "../units/time.ts";
import type { HashingTerms } from "../valuation/hashing.ts";
import type { TokenPrices } from "../valuation/inference.ts";
import { marginalPrice } from "../valuation/marginal.ts";
import type { Prices } from "./valuing.ts";

const LEARN_EVERY = minutes(1);
const LEARN_FROM = hours(24);
/** Fewer shares say nothing about the part that is rejected. */
const FEWEST_SHARES = 100;

export interface PriceLookParts {
  readonly config: Pick<RigConfig, "electricity" | "market"> & Partial<Pick<RigConfig, "inference">>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly gpus: readonly unknown[];
  /** Absent: the prices of the configuration, which never change. */
  readonly market?: Pick<Market, "bookedPower" | "power" | "rental"> & Partial<Pick<Market, "tokens">>;
}

/** What is booked for a kilowatt-hour now. */
export const bookedPower = ({ market, config }: PriceLookParts): UsdPerKwh =>
  market?.bookedPower() ?? config.electricity.price;

function tokenPrices({ market, config }: PriceLookParts): TokenPrices | undefined {
  const { inference } = config;
  return market?.tokens?.() ?? (inference && { input: inference.priceIn, output: inference.priceOut });
}

/** The prices that one GPU's loop reckons with, as they are at every look. */
export function createPriceLook(name: string, atWall: (power: Watts) => Watts, parts: PriceLookParts): Prices {
  const { market, gpus } = parts;
  const terms = createTerms(parts);
  return {
    atWall,
    terms,
    tokens: () => tokenPrices(parts),
    get electricity() {
      return bookedPower(parts);
    },
    ...(market === undefined
      ? {}
      : {
          powerFor: (load: Watts) => marginalPrice(market.power(gpus.length), load),
          rental: () => market.rental(name),
        }),
  };
}

/** The operator's terms, with what the last day's shares say. */
function createTerms({ config, ledger, clock }: PriceLookParts): () => HashingTerms {
  const { terms } = config.market;
  let learned: { readonly at: UnixMs; readonly rejected?: number; readonly creditFactor?: number } | undefined;
  return () => {
    const now = clock.now();
    if (learned === undefined || Math.abs(elapsed(learned.at, now)) >= LEARN_EVERY) {
      const { sharesAccepted, sharesRejected } = ledger.jobs.sumSince(unixMs(now - LEARN_FROM));
      const shares = sharesAccepted + sharesRejected;
      const creditFactor = ledger.payouts.creditFactor(now);
      learned = {
        at: now,
        ...(shares < FEWEST_SHARES ? {} : { rejected: sharesRejected / shares }),
        ...(creditFactor === undefined ? {} : { creditFactor }),
      };
    }
    const { at: _, ...seen } = learned;
    return { ...terms, ...seen };
  };
}
