import type { RigConfig } from "../config/load.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { CreditRecord } from "../ledger/payouts.ts";
import type { Clock } from "../lib/clock.ts";
import type { Market } from "../market/market.ts";
import type { Watts } from "../units/energy.ts";
import type { UsdPerKwh } from "../units/money.ts";
import { elapsed, hours, minutes, toHours, type UnixMs, unixMs } from "../units/time.ts";
import type { HashingTerms } from "../valuation/hashing.ts";
import type { TokenPrices } from "../valuation/inference.ts";
import { marginalPrice } from "../valuation/marginal.ts";
import { dualLabel } from "./rates.ts";
import type { Prices, TermsOf } from "./valuing.ts";

const LEARN_EVERY = minutes(1);
const LEARN_FROM = hours(24);
/** Fewer shares say nothing about the part that is rejected. */
const FEWEST_SHARES = 100;

export interface PriceLookParts {
  readonly config: Pick<RigConfig, "electricity" | "market"> & Partial<Pick<RigConfig, "inference" | "mining">>;
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

/** The operator's terms, with what the sheet's shares of the last day say and what the coin's pool was seen to credit. */
function createTerms({ config, ledger, clock }: PriceLookParts): NonNullable<Prices["terms"]> {
  const { terms } = config.market;
  const learned = new Map<string, Pick<HashingTerms, "rejected" | "credit"> & { readonly at: UnixMs }>();
  return (sheet) => {
    const now = clock.now();
    const key = dualLabel(sheet.name, sheet.coin);
    const known = learned.get(key);
    const { at, ...seen } =
      known === undefined || Math.abs(elapsed(known.at, now)) >= LEARN_EVERY
        ? { at: now, ...learn(sheet, now) }
        : known;
    learned.set(key, { at, ...seen });
    return { ...terms, ...seen };
  };

  function learn({ name, coin }: TermsOf, now: UnixMs): Pick<HashingTerms, "rejected" | "credit"> {
    // By sheet: what is refused is the doing of its pools and its miner, not of the coin.
    const { accepted, rejected } = ledger.shares.countsOf({ sheet: name, coin }, unixMs(now - LEARN_FROM));
    const shares = accepted + rejected;
    const credit = ledger.payouts.credit(coin, poolOf(config, { name, coin }), now);
    return {
      ...(shares < FEWEST_SHARES ? {} : { rejected: rejected / shares }),
      ...(credit === undefined ? {} : { credit: { factor: credit.factor, basis: sayBasis(credit) } }),
    };
  }
}

/** The pool that the flight sheet mines at while it answers. */
function poolOf({ mining }: PriceLookParts["config"], { name, coin }: TermsOf): string {
  const sheet = mining?.sheets.find((one) => one.name === name);
  const mined = sheet?.dual?.coin === coin ? sheet.dual : sheet;
  return mined?.pools[0]?.url ?? "";
}

const sayBasis = ({ origin, span }: CreditRecord): string => {
  const days = `${Math.max(1, Math.round(toHours(span) / 24))} d`;
  return origin === "account" ? `its account over ${days}` : `payouts entered over ${days}`;
};
