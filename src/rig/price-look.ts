import type { RigConfig } from "../config/load.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Market } from "../market/market.ts";
import type { Watts } from "../units/energy.ts";
import type { UsdPerKwh } from "../units/money.ts";
import { elapsed, hours, minutes, type UnixMs, unixMs } from "../units/time.ts";
import type { HashingTerms } from "../valuation/hashing.ts";
import { marginalPrice } from "../valuation/marginal.ts";
import type { Prices } from "./valuing.ts";

const LEARN_EVERY = minutes(1);
const LEARN_FROM = hours(24);
/** Fewer shares say nothing about the part that is rejected. */
const FEWEST_SHARES = 100;

export interface PriceLookParts {
  readonly config: Pick<RigConfig, "electricity" | "market">;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly gpus: readonly unknown[];
  /** Absent: the prices of the configuration, which never change. */
  readonly market?: Pick<Market, "bookedPower" | "power" | "rental">;
}

/** What is booked for a kilowatt-hour now. */
export const bookedPower = ({ market, config }: PriceLookParts): UsdPerKwh =>
  market?.bookedPower() ?? config.electricity.price;

/** The prices that one GPU's loop reckons with, as they are at every look. */
export function createPriceLook(name: string, atWall: (power: Watts) => Watts, parts: PriceLookParts): Prices {
  const { market, gpus } = parts;
  const terms = createTerms(parts);
  return {
    atWall,
    terms,
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
  let learned: { readonly at: UnixMs; readonly rejected?: number } | undefined;
  return () => {
    const now = clock.now();
    if (learned === undefined || Math.abs(elapsed(learned.at, now)) >= LEARN_EVERY) {
      const { sharesAccepted, sharesRejected } = ledger.jobs.sumSince(unixMs(now - LEARN_FROM));
      const shares = sharesAccepted + sharesRejected;
      learned = { at: now, ...(shares < FEWEST_SHARES ? {} : { rejected: sharesRejected / shares }) };
    }
    const { rejected } = learned;
    return { ...terms, ...(rejected === undefined ? {} : { rejected }) };
  };
}
