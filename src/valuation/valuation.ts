import type { Work } from "../ledger/work.ts";
import type { Watts } from "../units/energy.ts";
import type { UsdPerHour, UsdPerKwh } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";

/** What one more load costs, and where its power comes from. */
export interface PowerPrice {
  /** For each of the load's kilowatt-hours, on average. */
  readonly price: UsdPerKwh;
  /** What makes it other than the grid's price, in words; absent when nothing does. */
  readonly note?: string;
  /** Until when it surely stands; absent while nobody promises. */
  readonly until?: UnixMs;
}

/** Why a rate is believed: measured at the pool, claimed by the miner, benchmarked before, seen as demand, or asked for. */
export type RateBasis = "effective" | "reported" | "benchmark" | "observed demand" | "listed" | "fixed";

/** Who says what a price is. */
export interface PriceOrigin {
  readonly source: string;
  readonly asOf: UnixMs;
  /** How many sources are believed now, of how many that are asked; absent for a price that has one source only. */
  readonly sources?: { readonly believed: number; readonly asked: number };
}

/** A coin whose price a revenue rests on as well. */
export interface PricedCoin {
  readonly coin: string;
  readonly origin?: PriceOrigin;
}

/** The price that a revenue rests on. */
export interface ValuedPrice {
  readonly unit: "USD/TH" | "USD/Mtok" | "USD/GPU-h";
  readonly value: number;
  /** The one at which the net is 0, all else as it is. */
  readonly breakEven?: number;
  readonly origin?: PriceOrigin;
  /** The second of two coins hashed at once. */
  readonly dual?: PricedCoin;
}

/** What some work is worth on one GPU. An absent field is unknown, and an unknown net never wins. */
export interface Valuation extends Work {
  /** What people call it: the flight sheet, which is named after its coin unless it has its own name, or the model. */
  readonly label: string;
  /** Before fees. */
  readonly gross?: UsdPerHour;
  readonly revenue?: UsdPerHour;
  readonly electricity?: UsdPerHour;
  readonly net?: UsdPerHour;
  /** At the wall. */
  readonly power?: Watts;
  /** What a kilowatt-hour costs this load. */
  readonly powerPrice?: UsdPerKwh;
  readonly price?: ValuedPrice;
  /** The electricity price at which the net is 0. */
  readonly breakEven?: UsdPerKwh;
  /** The rate behind the revenue, with its unit, for people. */
  readonly rate: string;
  readonly basis?: RateBasis;
  /** Until when every price in it surely stands; absent while nobody promises. */
  readonly until?: UnixMs;
  /** Another price of it was said that nobody has confirmed yet. */
  readonly isMoving?: true;
  /** One sentence that shows the sum. */
  readonly why: string;
}
