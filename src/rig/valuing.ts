import { isSameWork, RESTING, toWork, type Work } from "../ledger/work.ts";
import type { CoinQuote } from "../market/file.ts";
import { freshValue } from "../market/quote.ts";
import type { RentalTerms } from "../market/rentals/rental-prices.ts";
import type { Candidate } from "../policy/types.ts";
import type { Watts } from "../units/energy.ts";
import { addUsd, type UsdNano, type UsdPerKwh } from "../units/money.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import type { TokensPerSecond } from "../units/work.ts";
import { type ExternalFacts, valueExternal } from "../valuation/external.ts";
import { type HashedCoin, type HashingTerms, valueHashing } from "../valuation/hashing.ts";
import { servingPower, type TokenPrices, valueInference } from "../valuation/inference.ts";
import { valueRental } from "../valuation/rental.ts";
import { valueResting } from "../valuation/resting.ts";
import type { PowerPrice, Valuation } from "../valuation/valuation.ts";
import type { Holds } from "./price-hold.ts";
import { type Activity, dualLabel, type RateBook } from "./rates.ts";

/** The flight sheet whose terms are asked for. */
export interface TermsOf {
  readonly name: string;
  readonly coin: string;
}

/** What values are made from, beside what this GPU was measured to do. */
export interface Prices {
  readonly electricity: UsdPerKwh;
  /** What a kilowatt-hour costs a load at the wall, undefined where unknown; `electricity` for all when absent. */
  readonly powerFor?: (load: Watts) => PowerPrice | undefined;
  /** What the pool, the miner and the exchange take of a coin's work; nothing when absent. */
  readonly terms?: (sheet: TermsOf) => HashingTerms;
  /** What listing the GPU at a marketplace would bring, to compare with. */
  readonly rental?: () => RentalTerms | undefined;
  /** What customers pay now. */
  readonly tokens?: () => TokenPrices | undefined;
  /** What the meter at the wall shows for these watts of the GPU. */
  readonly atWall: (power: Watts) => Watts;
}

/** One flight sheet, as far as its worth goes. */
export interface ValuedSheet {
  readonly name: string;
  readonly coin: CoinQuote;
  /** Instead of the market's terms. */
  readonly fees?: Partial<HashingTerms> | undefined;
  /** What is hashed at the same time. */
  readonly dual?: Pick<ValuedSheet, "coin" | "fees">;
}

/** An external workload as far as its worth goes; its power is that of the GPU while it was used. */
export type ValuedExternal = Omit<ExternalFacts, "power" | "powerIsBound" | "electricity"> & {
  readonly drawn?: Watts;
};

export interface ValuingFacts {
  readonly rates: Pick<RateBook, "power" | "hashrate">;
  readonly prices: Prices;
  /** None when the GPU may not mine. */
  readonly sheets?: readonly ValuedSheet[];
  /** What others run and we may start. */
  readonly externals?: readonly ValuedExternal[];
  /** Absent when the GPU may not serve. */
  readonly inference?: {
    readonly model: string;
    readonly demand: { readonly worth: UsdNano; readonly tokensOut?: number; readonly window: Millis };
    readonly backlog: UsdNano;
    readonly backlogTokens?: number;
    /** What it was measured to write at most; absent before. */
    readonly capacity?: TokensPerSecond;
    /** What a request was seen to be written with of late; absent before. */
    readonly pace?: TokensPerSecond;
  };
}

/** Every workload this GPU could do now, with what it is worth. */
export function valueAll(facts: ValuingFacts, now: UnixMs): readonly Valuation[] {
  const { rates, prices, sheets = [], externals = [], inference } = facts;
  const power = (activity: Activity, sheet?: string): PowerOf => {
    const measured = rates.power(activity, sheet);
    return measured === undefined ? {} : priced(prices.atWall(measured), prices);
  };
  const serving = inference && [valueServing(inference, facts)];
  const resting = power("resting");
  const rental = prices.rental?.();
  return [
    ...sheets.map((sheet) => valueSheet(sheet, facts, power("hashing", sheet.name), now)),
    ...externals.map(({ drawn, ...external }) =>
      valueExternal({
        ...external,
        ...(drawn === undefined ? boundOf(power("hashing")) : priced(prices.atWall(drawn), prices)),
      }),
    ),
    ...(serving ?? []),
    valueResting(resting.power, resting.electricity),
    ...(rental === undefined ? [] : [valueRental({ ...rental, ...power("hashing") })]),
  ];
}

/** What has the GPU now, at what the card draws for it. */
export const valueTenant = ({ drawn, ...external }: ValuedExternal, prices: Prices): Valuation =>
  valueExternal({ ...external, ...(drawn === undefined ? {} : priced(prices.atWall(drawn), prices)) });

function valueServing(inference: NonNullable<ValuingFacts["inference"]>, { rates, prices }: ValuingFacts): Valuation {
  const { model, demand, backlog, backlogTokens = 0, capacity, pace } = inference;
  const tokens = prices.tokens?.();
  const asked = {
    window: demand.window,
    tokensOut: (demand.tokensOut ?? 0) + backlogTokens,
    ...(capacity === undefined ? {} : { capacity }),
    ...(pace === undefined ? {} : { pace }),
  };
  const [serving, hashing, warm] = [rates.power("serving"), rates.power("hashing"), rates.power("warm")];
  const drawn = servingPower({
    ...asked,
    demand: addUsd(demand.worth, backlog),
    serving: serving ?? hashing,
    isBound: serving === undefined,
    warm,
  });
  return valueInference({
    ...asked,
    model,
    demand: demand.worth,
    backlog,
    ...(tokens === undefined ? {} : { prices: tokens }),
    ...drawn,
    ...(drawn.power === undefined ? {} : priced(prices.atWall(drawn.power), prices)),
  });
}

interface PowerOf {
  readonly power?: Watts;
  readonly electricity?: PowerPrice;
}

/** Each load has a price of its own: what the house has left over is used up first. */
function priced(power: Watts, { powerFor, electricity }: Prices): PowerOf {
  const price = powerFor === undefined ? { price: electricity } : powerFor(power);
  return { power, ...(price === undefined ? {} : { electricity: price }) };
}

function valueSheet(sheet: ValuedSheet, facts: ValuingFacts, power: PowerOf, now: UnixMs): Valuation {
  const { name, dual } = sheet;
  const { sheets = [] } = facts;
  // The only flight sheet is measured by itself; of several, one that never runs would stay unknown.
  const measuredBy = sheets.length > 1 ? { measuredBy: `rigshift bench --sheet ${name} --take` } : {};
  return valueHashing({
    ...measuredBy,
    name,
    ...toHashed(sheet, name, facts, now),
    ...(dual && { dual: toHashed({ name, ...dual }, dualLabel(name, dual.coin.coin), facts, now) }),
    ...power,
  });
}

/** What is taken of a coin's work by this flight sheet; undefined where nobody told. */
export function sheetTerms(
  { name, coin, fees }: Pick<ValuedSheet, "fees"> & TermsOf,
  terms: Prices["terms"],
): HashingTerms | undefined {
  const usual = terms?.({ name, coin });
  return usual && { ...usual, ...fees };
}

/** One of the coins of a flight sheet, with the rate that was measured under `label`. */
function toHashed(
  { name, coin, fees }: ValuedSheet,
  label: string,
  { rates, prices }: ValuingFacts,
  now: UnixMs,
): HashedCoin {
  const hashrate = rates.hashrate(label);
  const price = freshValue(coin, now);
  const { source, asOf, sources, until, isMoving } = coin;
  const terms = sheetTerms({ name, coin: coin.coin, fees }, prices.terms);
  return {
    coin: coin.coin,
    invented: coin.invented,
    ...(hashrate === undefined ? {} : { hashrate: hashrate.rate, basis: hashrate.basis, kind: hashrate.kind }),
    ...(price === undefined ? {} : { price }),
    origin: { source, asOf, ...(sources === undefined ? {} : { sources }) },
    ...(until === undefined ? {} : { until }),
    ...(isMoving === true ? { isMoving } : {}),
    ...(terms === undefined ? {} : { terms }),
  };
}

/** Serving that was never measured is taken to draw what hashing draws, which loads the GPU fully. */
const boundOf = (of: PowerOf): PowerOf & { powerIsBound?: true } =>
  of.power === undefined ? {} : { ...of, powerIsBound: true };

/** Those whose net is known, with how long it stands beside another's, and which the agent can begin by itself: a listing is the operator's to make. */
export const toCandidates = (valuations: readonly Valuation[], holds?: Holds): readonly Candidate[] =>
  valuations.flatMap(({ label, net, ...work }) =>
    net === undefined || work.workload === "lease"
      ? []
      : [{ ...toWork(work), label, net, ...(holds && { holdsWith: (other: Work) => holds(work, other) }) }],
  );

/** What pays most while no request runs. Hashing that was never measured is tried, since only hashing can measure it. */
export function bestBetweenRequests(valuations: readonly Valuation[], hashing: Work | undefined): Work {
  const sheet = hashing && valuations.find((one) => isSameWork(one, hashing));
  const resting = valuations.find(({ workload }) => workload === "none");
  if (sheet === undefined) return RESTING;
  return sheet.net === undefined || sheet.net >= (resting?.net ?? 0) ? toWork(sheet) : RESTING;
}
