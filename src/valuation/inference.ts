import type { Watts } from "../units/energy.ts";
import {
  powerCost,
  tokenCost,
  toUsd,
  type UsdNano,
  type UsdPerKwh,
  type UsdPerMillionTokens,
  usdNano,
  usdPerHour,
  usdPerKwh,
} from "../units/money.ts";
import { type Millis, toHours } from "../units/time.ts";
import type { Valuation } from "./valuation.ts";
import { sayPower, sayPrice, sayRate } from "./wording.ts";

export interface TokenPrices {
  readonly input: UsdPerMillionTokens;
  readonly output: UsdPerMillionTokens;
}

/** What a request of `tokensIn` and `tokensOut` pays. */
export const requestWorth = (tokensIn: number, tokensOut: number, prices: TokenPrices): UsdNano =>
  usdNano(tokenCost(tokensIn, prices.input) + tokenCost(tokensOut, prices.output));

export interface InferenceFacts {
  readonly model: string;
  /** What the requests seen over `window` were worth, refused ones included: observed demand, not hope. */
  readonly demand: UsdNano;
  readonly window: Millis;
  /** What is queued right now. */
  readonly backlog: UsdNano;
  /** At the wall, averaged over serving and waiting in this window. */
  readonly power?: Watts;
  /** True while `power` is only an upper bound, because serving was not measured yet. */
  readonly powerIsBound?: boolean;
  readonly electricity: UsdPerKwh;
}

/** What owning the GPU for inference is worth per hour: observed demand plus the backlog spread over the window. */
export function valueInference(facts: InferenceFacts): Valuation {
  const { model, demand, window, backlog, power, electricity } = facts;
  const revenue = usdPerHour(toUsd(usdNano(demand + backlog)) / toHours(window));
  const rate = `${sayRate(revenue)} of demand`;
  if (power === undefined)
    return {
      workload: "inference",
      label: model,
      rate,
      revenue,
      basis: "observed demand",
      why: `${model} sees demand worth ${sayRate(revenue)}; its power has not been measured yet, so its net is unknown`,
    };
  const cost = powerCost(power, electricity);
  const net = usdPerHour(revenue - cost);
  return {
    workload: "inference",
    label: model,
    revenue,
    electricity: cost,
    net,
    power,
    ...(power > 0 ? { breakEven: usdPerKwh(revenue / (power / 1000)) } : {}),
    rate,
    basis: "observed demand",
    why:
      `${model} sees demand worth ${sayRate(revenue)}, less ${facts.powerIsBound ? "at most " : ""}${sayPower(power)} ` +
      `at ${sayPrice(electricity)} = ${sayRate(net)}`,
  };
}
