import type { RateKind } from "../ledger/rows.ts";
import type { Work } from "../ledger/work.ts";
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
import type { PowerPrice, PricedCoin, PriceOrigin, RateBasis, Valuation, ValuedPrice } from "./valuation.ts";
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

/** One coin that is hashed, and what it pays. */
export interface HashedCoin {
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
  readonly terms?: HashingTerms;
}

export interface HashingFacts extends HashedCoin {
  /** Of the flight sheet; that of the coin when absent. */
  readonly name?: string;
  /** What the same miner hashes at the same time. */
  readonly dual?: HashedCoin;
  /** At the wall, while hashing. */
  readonly power?: Watts;
  /** For this power; absent where nobody knows. */
  readonly electricity?: PowerPrice;
  /** What would measure it. */
  readonly measuredBy?: string;
}

type KnownCoin = HashedCoin & Required<Pick<HashedCoin, "hashrate" | "price">>;

interface Known {
  readonly coins: readonly [KnownCoin, ...KnownCoin[]];
  readonly power: Watts;
  readonly electricity: PowerPrice;
}

/** What hashing `coin`, and `dual` with it, is worth per hour after electricity; unknown as long as one of its facts is. */
export function valueHashing(facts: HashingFacts): Valuation {
  const { coin, name = coin, power, electricity } = facts;
  const rate = coinsOf(facts).map(sayRateOf).join(" + ");
  const sheet = { workload: "hashing", name, label: name, rate } as const;
  const coins = coinsOf(facts).filter(isKnown);
  const [first, ...rest] = coins;
  if (first !== undefined && coins.length === coinsOf(facts).length && power !== undefined && electricity !== undefined)
    return { ...sheet, ...valueKnown(facts, { coins: [first, ...rest], power, electricity }) };
  return { ...sheet, why: `${subjectOf(facts)} is not valued: ${missingOf(facts).join(" and ")}` };
}

const coinsOf = (facts: HashingFacts): readonly HashedCoin[] =>
  facts.dual === undefined ? [facts] : [facts, facts.dual];

const sayRateOf = ({ hashrate }: HashedCoin): string => (hashrate === undefined ? "unknown" : sayHashrate(hashrate));

const isKnown = (coin: HashedCoin): coin is KnownCoin => coin.hashrate !== undefined && coin.price !== undefined;

function missingOf(facts: HashingFacts): readonly string[] {
  const { dual, power, electricity, measuredBy } = facts;
  const hint = measuredBy === undefined ? "" : ` (\`${measuredBy}\` does)`;
  const of = (what: string, { coin }: HashedCoin) => (dual === undefined ? `its ${what}` : `the ${what} of ${coin}`);
  return [
    ...coinsOf(facts).flatMap((one) => [
      one.hashrate === undefined ? `${of("hashrate", one)} has not been measured yet${hint}` : undefined,
      one.price === undefined ? `${of("price", one)} is stale or unknown` : undefined,
    ]),
    power === undefined ? "its power has not been measured yet" : undefined,
    power !== undefined && electricity === undefined ? "the price of electricity is unknown" : undefined,
  ].filter((reason) => reason !== undefined);
}

/** The coins, with the flight sheet's name where that is another. */
function subjectOf(facts: HashingFacts, say: (coin: HashedCoin) => string = ({ coin }) => coin): string {
  const { coin, name = coin } = facts;
  return `${coinsOf(facts).map(say).join(" and ")}${name === coin ? "" : ` by ${name}`}`;
}

const sayBasis = (basis: RateBasis | undefined): string => `(${basis ?? "unknown basis"})`;

function sayPaying(facts: HashingFacts): string {
  const { dual, hashrate, basis } = facts;
  if (dual === undefined && hashrate !== undefined)
    return `${subjectOf(facts)} at ${sayHashrate(hashrate)} ${sayBasis(basis)} pays`;
  return `${subjectOf(facts, (one) => `${one.coin} at ${sayRateOf(one)} ${sayBasis(one.basis)}`)} pay`;
}

const sum = (rates: readonly number[]): UsdPerHour => usdPerHour(rates.reduce((all, rate) => all + rate, 0));

function valueKnown(
  facts: HashingFacts,
  { coins, power, electricity }: Known,
): Omit<Valuation, keyof Work | "label" | "rate"> {
  const gross = sum(coins.map(grossOf));
  const revenue = sum(coins.map(keptOf));
  const cost = powerCost(power, electricity.price);
  const net = usdPerHour(revenue - cost);
  const ends = [...coins, electricity].map(({ until }) => until);
  const until = ends.includes(undefined) ? undefined : Math.min(...ends.filter((end) => end !== undefined));
  const basis = coins.find((one) => one.basis !== "effective")?.basis ?? facts.basis;
  return {
    gross,
    revenue,
    electricity: cost,
    net,
    power,
    powerPrice: electricity.price,
    ...(until === undefined ? {} : { until: unixMs(until) }),
    ...(coins.some(({ isMoving }) => isMoving) ? { isMoving: true } : {}),
    price: priceOf(coins, cost),
    ...(power > 0 ? { breakEven: usdPerKwh(revenue / (power / 1000)) } : {}),
    ...(basis === undefined ? {} : { basis }),
    why: sayExplanation({
      subject: sayPaying(facts),
      gross,
      ...(coins.some(({ invented }) => invented) ? { remark: "at an invented price" } : {}),
      deductions: [
        ...coins.flatMap((one) => feesIn(one, coins.length > 1)),
        { what: sayPowerAt(power, electricity), rate: cost, isTold: true },
      ],
      net,
    }),
  };
}

/** Of the first coin; what the other one brings is left as it is. */
function priceOf([first, ...rest]: Known["coins"], cost: UsdPerHour): ValuedPrice {
  const { price, origin } = first;
  const [second] = rest;
  const left = Math.max(0, cost - sum(rest.map(keptOf)));
  return {
    unit: "USD/TH",
    value: price,
    ...breakEvenOf(usdPerHour(left), keptOf({ ...first, price: usdPerTerahash(1) })),
    ...(origin === undefined ? {} : { origin }),
    ...(second === undefined ? {} : { dual: dualOf(second) }),
  };
}

const dualOf = ({ coin, origin }: KnownCoin): PricedCoin => ({
  coin,
  ...(origin === undefined ? {} : { origin }),
});

const feesIn = (coin: KnownCoin, isOneOfTwo: boolean): readonly Deduction[] =>
  deduct(grossOf(coin), feesOf(coin)).map((fee) =>
    isOneOfTwo ? { ...fee, what: `${fee.what} on ${coin.coin}` } : fee,
  );

const keptOf = (coin: KnownCoin): UsdPerHour => usdPerHour(grossOf(coin) * keptPart(coin));

/** What is left of a coin's worth after all fees, 0 to 1 and more; what is booked for shares and what is expected of them agree by it. */
export const keptPart = (coin: Pick<HashedCoin, "basis" | "kind" | "terms">): number =>
  feesOf(coin).reduce((left, { part }) => left * (1 - part), 1);

/** Revenue grows with the price: what it is at a price of 1 tells where it covers `cost`. */
const breakEvenOf = (cost: UsdPerHour, revenueAtOne: UsdPerHour): { readonly breakEven?: number } =>
  revenueAtOne > 0 ? { breakEven: cost / revenueAtOne } : {};

const grossOf = ({ hashrate, price }: KnownCoin): UsdPerHour => usdPerHour(((hashrate * 3600) / 1e12) * price);

interface Share {
  readonly what: string;
  /** Of what is left when its turn comes. */
  readonly part: number;
}

/** In the order in which they are taken; what the effective hashrate leaves out already is not taken again. */
function feesOf({ basis, kind, terms }: Pick<HashedCoin, "basis" | "kind" | "terms">): readonly Share[] {
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
