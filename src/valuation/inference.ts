import { type Watts, watts } from "../units/energy.ts";
import {
  powerCost,
  tokenCost,
  toUsd,
  type UsdNano,
  type UsdPerHour,
  type UsdPerMillionTokens,
  usdNano,
  usdPerHour,
  usdPerKwh,
} from "../units/money.ts";
import { type Millis, toHours, toSeconds } from "../units/time.ts";
import type { TokensPerSecond } from "../units/work.ts";
import { sayExplanation } from "./explanation.ts";
import type { PowerPrice, PriceOrigin, Valuation } from "./valuation.ts";
import { sayPercent, sayPowerAt, sayRate, sayUsd } from "./wording.ts";

export interface TokenPrices {
  readonly input: UsdPerMillionTokens;
  readonly output: UsdPerMillionTokens;
  /** Absent for the operator's own list. */
  readonly origin?: PriceOrigin;
}

/** What a request of `tokensIn` and `tokensOut` pays. */
export const requestWorth = (tokensIn: number, tokensOut: number, prices: TokenPrices): UsdNano =>
  usdNano(tokenCost(tokensIn, prices.input) + tokenCost(tokensOut, prices.output));

export interface InferenceFacts {
  readonly model: string;
  /** What the requests seen over `window` were worth, refused ones included: observed demand, not hope. */
  readonly demand: UsdNano;
  readonly window: Millis;
  /** What a token asked for and a token written pay now; absent while nobody says. */
  readonly prices?: TokenPrices;
  /** What is queued right now. */
  readonly backlog: UsdNano;
  /** The tokens that all of these would be answered with. */
  readonly tokensOut?: number;
  /** What the engine was measured to write with as many requests at once as it takes; absent before. */
  readonly capacity?: TokensPerSecond;
  /** At the wall, averaged over serving and waiting in this window. */
  readonly power?: Watts;
  /** True while `power` is only an upper bound, because serving or waiting was not measured yet. */
  readonly powerIsBound?: boolean;
  /** The part of the window in which requests are served, where `power` rests on it. */
  readonly servingShare?: number;
  /** For this power; absent where nobody knows. */
  readonly electricity?: PowerPrice;
}

/**
 * What owning the GPU for inference is worth per hour: observed demand plus the backlog spread over the window, of which
 * no more counts than the engine can write in that time.
 */
export function valueInference(facts: InferenceFacts): Valuation {
  const { model, power, electricity, powerIsBound, servingShare } = facts;
  const busy = busyOf(facts);
  const revenue = usdPerHour(revenueOf(facts) / Math.max(1, busy));
  const rate = `${sayRate(revenue)} of demand${sayCapacity(facts)}`;
  const subject =
    busy > 1 ? `${model} can serve ${sayPercent(1 / busy)} of the demand it sees, worth` : `${model} sees demand worth`;
  const known = {
    workload: "inference",
    label: model,
    rate,
    gross: revenue,
    revenue,
    basis: "observed demand",
  } as const;
  if (power === undefined || electricity === undefined) {
    const what = power === undefined ? "its power has not been measured yet" : "the price of electricity is unknown";
    return { ...known, why: `${subject} ${sayRate(revenue)}; ${what}, so its net is unknown` };
  }
  const cost = powerCost(power, electricity.price);
  const net = usdPerHour(revenue - cost);
  return {
    ...known,
    electricity: cost,
    net,
    power,
    powerPrice: electricity.price,
    // Between requests nothing but the electricity moves it.
    ...(electricity.until === undefined ? {} : { until: electricity.until }),
    ...priceOf(facts, revenue, cost),
    ...(power > 0 ? { breakEven: usdPerKwh(revenue / (power / 1000)) } : {}),
    why: sayExplanation({
      subject,
      gross: revenue,
      ...sayTokenPrice(facts),
      deductions: [
        { what: `${sayDraw(power, electricity, powerIsBound)}${sayShare(servingShare)}`, rate: cost, isTold: true },
      ],
      net,
    }),
  };
}

const sayDraw = (power: Watts, electricity: PowerPrice, isBound = false): string =>
  `${isBound ? "at most " : ""}${sayPowerAt(power, electricity)}`;

const sayShare = (share: number | undefined): string =>
  share === undefined ? "" : `, serving ${sayPercent(share)} of the time and waiting warm`;

export interface DrawFacts {
  /** Of the GPU while it serves. */
  readonly serving: Watts | undefined;
  /** `serving` is that of other full load. */
  readonly isBound: boolean;
  /** Of the GPU while its engine waits; undefined until that was measured. */
  readonly warm: Watts | undefined;
  readonly window: Millis;
  /** What all that was asked is worth, and the tokens it takes. */
  readonly demand: UsdNano;
  readonly tokensOut: number;
  /** What one request is written with, and what all together are at most; absent before they were measured. */
  readonly pace?: TokensPerSecond;
  readonly capacity?: TokensPerSecond;
}

/**
 * What the GPU draws on average where it owns its requests: serving for as long as the tokens take, warm for the rest.
 * Requests are taken to come one by one, which is the longest they can take; what was not measured leaves the bound.
 */
export function servingPower(facts: DrawFacts): Pick<InferenceFacts, "power" | "powerIsBound" | "servingShare"> {
  const { serving, isBound, warm } = facts;
  if (serving === undefined) return {};
  const share = shareOf(facts);
  if (warm === undefined || share === undefined) return { power: serving, powerIsBound: true };
  const power = watts(share * serving + (1 - share) * warm);
  return { power, servingShare: share, ...(isBound ? { powerIsBound: true } : {}) };
}

/** Work that writes no tokens, such as an embedding, does not say how long it takes. */
function shareOf({ demand, window, tokensOut, pace, capacity }: DrawFacts): number | undefined {
  if (demand === 0 && tokensOut === 0) return 0;
  const speed = pace ?? capacity ?? 0;
  return speed > 0 && tokensOut > 0 ? Math.min(1, tokensOut / (speed * toSeconds(window))) : undefined;
}

/** Told of a token written; both prices scaled alike bring the net to 0. */
function priceOf({ prices }: InferenceFacts, revenue: UsdPerHour, cost: UsdPerHour): Pick<Valuation, "price"> {
  if (prices === undefined) return {};
  const breakEven = revenue > 0 ? { breakEven: (prices.output * cost) / revenue } : {};
  const origin = prices.origin === undefined ? {} : { origin: prices.origin };
  return { price: { unit: "USD/Mtok", value: prices.output, ...breakEven, ...origin } };
}

/** Whose price it is, where it is not the operator's own. */
const sayTokenPrice = ({ prices }: InferenceFacts): { readonly remark?: string } =>
  prices?.origin === undefined
    ? {}
    : { remark: `at ${sayUsd(prices.output)} per million written by ${prices.origin.source}` };

/** How much of the window full load would need for all that is asked for; 0 while nobody knows. */
const busyOf = ({ tokensOut = 0, capacity, window }: InferenceFacts): number =>
  capacity === undefined || !(capacity > 0) ? 0 : tokensOut / (capacity * toSeconds(window));

const sayCapacity = ({ capacity }: InferenceFacts): string =>
  capacity === undefined ? "" : `, ${Number(capacity.toPrecision(3))} tok/s at most`;

const revenueOf = ({ demand, backlog, window }: InferenceFacts): UsdPerHour =>
  usdPerHour(toUsd(usdNano(demand + backlog)) / toHours(window));

/** What full load would bring after electricity, were it there: tokens written, those asked for left out. */
export const netAtFullLoad = (rate: number, price: UsdPerMillionTokens, power: Watts, electricity: PowerPrice) =>
  usdPerHour(((rate * 3600) / 1e6) * price - powerCost(power, electricity.price));

export interface CapacityFacts {
  readonly model: string;
  /** Tokens written per second with as many requests at once as the GPU has room for. */
  readonly rate: number;
  /** Of a million tokens written; absent while nobody says. */
  readonly price?: UsdPerMillionTokens;
  /** Absent for the operator's own list. */
  readonly origin?: PriceOrigin;
  readonly power?: Watts;
  readonly electricity: PowerPrice;
}

/** What full load costs and needs, where nobody has seen demand: a revenue would be a hope and stays unknown. */
export function valueAtCapacity({ model, rate, price, origin, power, electricity }: CapacityFacts): Valuation {
  const known = {
    workload: "inference",
    label: model,
    rate: `${Number(rate.toPrecision(3))} tok/s`,
    basis: "benchmark",
  } as const;
  if (power === undefined) return { ...known, why: `${model} is not valued: its power has not been measured yet` };
  const cost = powerCost(power, electricity.price);
  const millionsPerHour = (rate * 3600) / 1e6;
  return {
    ...known,
    electricity: cost,
    power,
    powerPrice: electricity.price,
    ...(price === undefined || !(millionsPerHour > 0)
      ? {}
      : {
          price: {
            unit: "USD/Mtok",
            value: price,
            breakEven: cost / millionsPerHour,
            ...(origin === undefined ? {} : { origin }),
          },
        }),
    why: `${model} is not valued: demand shows only while an agent runs; full load costs ${sayPowerAt(power, electricity)} = ${sayRate(cost)}`,
  };
}
