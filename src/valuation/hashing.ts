import type { Watts } from "../units/energy.ts";
import {
  powerCost,
  type UsdPerHour,
  type UsdPerKwh,
  type UsdPerTerahash,
  usdPerHour,
  usdPerKwh,
} from "../units/money.ts";
import type { Hashrate } from "../units/work.ts";
import type { RateBasis, Valuation } from "./valuation.ts";
import { sayHashrate, sayPower, sayPrice, sayRate } from "./wording.ts";

export interface HashingFacts {
  readonly coin: string;
  /** Absent until something measured it. */
  readonly hashrate?: Hashrate;
  readonly basis?: RateBasis;
  /** Absent when the quote is stale. */
  readonly price?: UsdPerTerahash;
  readonly invented: boolean;
  /** At the wall, while hashing. */
  readonly power?: Watts;
  readonly electricity: UsdPerKwh;
}

/** What hashing `coin` is worth per hour after electricity; unknown as long as one of its facts is. */
export function valueHashing(facts: HashingFacts): Valuation {
  const { coin, hashrate, basis, price, power, electricity } = facts;
  const known = {
    workload: "hashing",
    label: coin,
    rate: hashrate === undefined ? "unknown" : sayHashrate(hashrate),
  } as const;
  const missing = [
    hashrate === undefined ? "its hashrate has not been measured yet" : undefined,
    price === undefined ? "its price is stale" : undefined,
    power === undefined ? "its power has not been measured yet" : undefined,
  ].filter((reason) => reason !== undefined);
  if (hashrate === undefined || price === undefined || power === undefined)
    return { ...known, why: `${coin} is not valued: ${missing.join(" and ")}` };
  const revenue = toRevenue(hashrate, price);
  const cost = powerCost(power, electricity);
  const net = usdPerHour(revenue - cost);
  return {
    ...known,
    revenue,
    electricity: cost,
    net,
    power,
    ...(power > 0 ? { breakEven: usdPerKwh(revenue / (power / 1000)) } : {}),
    ...(basis === undefined ? {} : { basis }),
    why:
      `${coin} at ${sayHashrate(hashrate)} (${basis ?? "unknown basis"}) pays ${sayRate(revenue)}` +
      `${facts.invented ? " at an invented price" : ""}, less ${sayPower(power)} at ${sayPrice(electricity)} = ${sayRate(net)}`,
  };
}

const toRevenue = (rate: Hashrate, price: UsdPerTerahash): UsdPerHour => usdPerHour(((rate * 3600) / 1e12) * price);
