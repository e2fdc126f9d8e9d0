import type { RateKind } from "../ledger/rows.ts";
import type { Watts } from "../units/energy.ts";
import {
  powerCost,
  type UsdPerHour,
  type UsdPerTerahash,
  usdPerHour,
  usdPerKwh,
  usdPerTerahash,
} from "../units/money.ts";
import { type UnixMs, unixMs } from "../units/time.ts";
import type { Hashrate } from "../units/work.ts";
import { type Deduction, sayExplanation } from "./explanation.ts";
import type { PowerPrice, PriceOrigin, RateBasis, Valuation } from "./valuation.ts";
import { sayHashrate, sayPercent, sayPowerAt } from "./wording.ts";

/** What stands between the pool's estimate and the operator's purse. */
export interface HashingTerms {
  readonly poolFeePct: number;
  /** Of the miner program: part of its time it hashes for its makers. */
  readonly devFeePct: number;
  readonly exchangeSpreadPct: number;
  /** What one payout costs, spread over the least that is paid out. */
  readonly payoutFeeUsd: number;
  readonly minimumPayoutUsd: number;
  /** Of all shares, 0 to 1. */
  readonly rejected?: number;
  /** What the pool credited over what was estimated, fees of the pool included; it then stands for them. */
  readonly credit?: PoolCredit;
}

/** What a pool was seen to credit of what was estimated. */
export interface PoolCredit {
  readonly factor: number;
  /** Who says so and for how long it was watched, in words. */
  readonly basis: string;
}

export interface HashingFacts {
  /** Of the flight sheet; that of the coin when absent. */
  readonly name?: string;
  readonly coin: string;
  /** Absent until something measured it. */
  readonly hashrate?: Hashrate;
  readonly basis?: RateBasis;
  /** Of a rate that was measured before; what nobody told is taken to be the miner's claim. */
  readonly kind?: RateKind | undefined;
  /** Absent when no source is believed or the quote is stale. */
  readonly price?: UsdPerTerahash;
  readonly origin?: PriceOrigin;
  /** Until when the price surely stands; absent while nobody promises. */
  readonly until?: UnixMs;
  readonly isMoving?: true;
  readonly invented: boolean;
  /** At the wall, while hashing. */
  readonly power?: Watts;
  /** For this power; absent where nobody knows. */
  readonly electricity?: PowerPrice;
  readonly terms?: HashingTerms;
  /** What would measure it. */
  readonly measuredBy?: string;
}

type KnownFacts = HashingFacts & Required<Pick<HashingFacts, "hashrate" | "price" | "power" | "electricity">>;

/** What hashing `coin` is worth per hour after electricity; unknown as long as one of its facts is. */
export function valueHashing(facts: HashingFacts): Valuation {
  const { coin, name = coin, hashrate } = facts;
  const rate = hashrate === undefined ? "unknown" : sayHashrate(hashrate);
  const sheet = { workload: "hashing", name, label: name, rate } as const;
  if (isKnown(facts)) return { ...sheet, ...valueKnown(facts) };
  const hint = facts.measuredBy === undefined ? "" : ` (${facts.measuredBy} does)`;
  const missing = [
    facts.hashrate === undefined ? `its hashrate has not been measured yet${hint}` : undefined,
    facts.price === undefined ? "its price is stale or unknown" : undefined,
    facts.power === undefined ? "its power has not been measured yet" : undefined,
    facts.power !== undefined && facts.electricity === undefined ? "the price of electricity is unknown" : undefined,
  ].filter((reason) => reason !== undefined);
  return { ...sheet, why: `${subjectOf(facts)} is not valued: ${missing.join(" and ")}` };
}

/** The coin, with the flight sheet's name where that is another. */
const subjectOf = ({ coin, name = coin }: HashingFacts): string => (name === coin ? coin : `${coin} by ${name}`);

const isKnown = (facts: HashingFacts): facts is KnownFacts =>
  facts.hashrate !== undefined &&
  facts.price !== undefined &&
  facts.power !== undefined &&
  facts.electricity !== undefined;

function valueKnown(facts: KnownFacts): Omit<Valuation, "workload" | "name" | "label" | "rate"> {
  const { hashrate, basis, price, power, electricity, invented, origin } = facts;
  const gross = grossOf(hashrate, price);
  const fees = deduct(gross, feesOf(facts));
  const revenue = keptOf(gross, facts);
  const cost = powerCost(power, electricity.price);
  const net = usdPerHour(revenue - cost);
  return {
    gross,
    revenue,
    electricity: cost,
    net,
    power,
    powerPrice: electricity.price,
    ...(facts.until === undefined || electricity.until === undefined
      ? {}
      : { until: unixMs(Math.min(facts.until, electricity.until)) }),
    ...(facts.isMoving === undefined ? {} : { isMoving: facts.isMoving }),
    price: {
      unit: "USD/TH",
      value: price,
      ...breakEvenOf(cost, keptOf(grossOf(hashrate, usdPerTerahash(1)), facts)),
      ...(origin === undefined ? {} : { origin }),
    },
    ...(power > 0 ? { breakEven: usdPerKwh(revenue / (power / 1000)) } : {}),
    ...(basis === undefined ? {} : { basis }),
    why: sayExplanation({
      subject: `${subjectOf(facts)} at ${sayHashrate(hashrate)} (${basis ?? "unknown basis"}) pays`,
      gross,
      ...(invented ? { remark: "at an invented price" } : {}),
      deductions: [...fees, { what: sayPowerAt(power, electricity), rate: cost, isTold: true }],
      net,
    }),
  };
}

const keptOf = (gross: UsdPerHour, facts: HashingFacts): UsdPerHour =>
  usdPerHour(deduct(gross, feesOf(facts)).reduce<number>((left, { rate }) => left - rate, gross));

/** Revenue grows with the price: what it is at a price of 1 tells where it covers `cost`. */
const breakEvenOf = (cost: UsdPerHour, revenueAtOne: UsdPerHour): { readonly breakEven?: number } =>
  revenueAtOne > 0 ? { breakEven: cost / revenueAtOne } : {};

const grossOf = (rate: Hashrate, price: UsdPerTerahash): UsdPerHour => usdPerHour(((rate * 3600) / 1e12) * price);

interface Share {
  readonly what: string;
  /** Of what is left when its turn comes. */
  readonly part: number;
}

/** In the order in which they are taken; what the effective hashrate leaves out already is not taken again. */
function feesOf({ basis, kind, terms }: HashingFacts): readonly Share[] {
  if (terms === undefined) return [];
  const { poolFeePct, devFeePct, exchangeSpreadPct, payoutFeeUsd, minimumPayoutUsd, rejected = 0, credit } = terms;
  const isEffective = basis === "effective" || kind === "effective";
  const ofPayout = minimumPayoutUsd > 0 ? payoutFeeUsd / minimumPayoutUsd : 0;
  const shares = [
    { what: `${sayPercent(devFeePct / 100)} of the miner's own`, part: isEffective ? 0 : devFeePct / 100 },
    { what: `${sayPercent(rejected)} of rejected shares`, part: isEffective ? 0 : rejected },
    credit === undefined
      ? { what: `${sayPercent(poolFeePct / 100)} pool fee`, part: poolFeePct / 100 }
      : { what: sayCredit(credit), part: 1 - credit.factor },
    { what: `${sayPercent(exchangeSpreadPct / 100)} of exchange`, part: exchangeSpreadPct / 100 },
    { what: `${sayPercent(ofPayout)} of payouts`, part: ofPayout },
  ];
  return shares.filter(({ part }) => part !== 0);
}

const sayCredit = ({ factor, basis }: PoolCredit): string =>
  factor <= 1
    ? `${sayPercent(1 - factor)} that the pool did not credit (${basis})`
    : `what the pool credited beyond the estimate, ${sayPercent(factor - 1)} (${basis})`;

function deduct(gross: UsdPerHour, shares: readonly Share[]): readonly Deduction[] {
  let left: number = gross;
  return shares.map(({ what, part }) => {
    const rate = usdPerHour(left * part);
    left -= rate;
    return { what, rate };
  });
}
