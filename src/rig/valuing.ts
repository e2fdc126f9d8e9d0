import type { CoinQuote } from "../market/file.ts";
import { isStale } from "../market/quote.ts";
import type { Candidate } from "../policy/types.ts";
import type { Watts } from "../units/energy.ts";
import type { UsdNano, UsdPerKwh } from "../units/money.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import { valueHashing } from "../valuation/hashing.ts";
import { valueInference } from "../valuation/inference.ts";
import { valueResting } from "../valuation/resting.ts";
import type { Valuation } from "../valuation/valuation.ts";
import type { Activity, RateBook } from "./rates.ts";

/** What values are made from, beside what this GPU was measured to do. */
export interface Prices {
  readonly electricity: UsdPerKwh;
  /** What the meter at the wall shows for these watts of the GPU. */
  readonly atWall: (power: Watts) => Watts;
}

export interface ValuingFacts {
  readonly rates: RateBook;
  readonly prices: Prices;
  /** Absent when the GPU may not mine. */
  readonly coin?: CoinQuote;
  /** Absent when the GPU may not serve. */
  readonly inference?: {
    readonly model: string;
    readonly demand: { readonly worth: UsdNano; readonly window: Millis };
    readonly backlog: UsdNano;
  };
}

/** Every workload this GPU could do now, with what it is worth. */
export function valueAll({ rates, prices, coin, inference }: ValuingFacts, now: UnixMs): readonly Valuation[] {
  const { electricity } = prices;
  const power = (activity: Activity): { power?: Watts } => {
    const measured = rates.power(activity);
    return measured === undefined ? {} : { power: prices.atWall(measured) };
  };
  const hashrate = rates.hashrate();
  const hashing = coin && [
    valueHashing({
      coin: coin.coin,
      invented: coin.invented,
      electricity,
      ...(hashrate === undefined ? {} : { hashrate: hashrate.rate, basis: hashrate.basis }),
      ...(isStale(coin, now) ? {} : { price: coin.value }),
      ...power("hashing"),
    }),
  ];
  const serving = inference && [
    valueInference({
      model: inference.model,
      demand: inference.demand.worth,
      window: inference.demand.window,
      backlog: inference.backlog,
      electricity,
      ...(rates.power("serving") === undefined ? boundOf(power("hashing")) : power("serving")),
    }),
  ];
  return [...(hashing ?? []), ...(serving ?? []), valueResting(power("resting").power, electricity)];
}

/** Serving that was never measured is taken to draw what hashing draws, which loads the GPU fully. */
const boundOf = ({ power }: { readonly power?: Watts }): { power?: Watts; powerIsBound?: true } =>
  power === undefined ? {} : { power, powerIsBound: true };

/** Those whose net is known; the others cannot win. */
export const toCandidates = (valuations: readonly Valuation[]): readonly Candidate[] =>
  valuations.flatMap(({ workload, label, net }) => (net === undefined ? [] : [{ workload, label, net }]));

/** What pays most while no request runs. Hashing that was never measured is tried, since only hashing can measure it. */
export function bestBetweenRequests(valuations: readonly Valuation[]): Candidate["workload"] {
  const hashing = valuations.find(({ workload }) => workload === "hashing");
  const resting = valuations.find(({ workload }) => workload === "none");
  if (hashing === undefined) return "none";
  return hashing.net === undefined || hashing.net >= (resting?.net ?? 0) ? "hashing" : "none";
}
