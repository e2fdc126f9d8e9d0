import { type KilowattHours, type MilliJoules, toKilowattHours, type Watts } from "./energy.ts";
import { type Millis, toHours } from "./time.ts";
import type { Unit } from "./unit.ts";

/** US dollars × 10⁻⁹, a whole number: the only money the ledger stores. */
export type UsdNano = Unit<"USD-nano">;
/** A rate of money, used to compare workloads and never settled. */
export type UsdPerHour = Unit<"USD/h">;
export type UsdPerKwh = Unit<"USD/kWh">;
/** The price of a million tokens. */
export type UsdPerMillionTokens = Unit<"USD/Mtok">;
/** What a pool pays for 10¹² expected hashes. */
export type UsdPerTerahash = Unit<"USD/TH">;

const NANO = 1_000_000_000;

/** Rounds to whole nano-USD. */
export const usdNano = (value: number): UsdNano => Math.round(value) as UsdNano;
export const ZERO_USD = 0 as UsdNano;
export const usdPerHour = (value: number): UsdPerHour => value as UsdPerHour;
export const usdPerKwh = (value: number): UsdPerKwh => value as UsdPerKwh;
export const usdPerMillionTokens = (value: number): UsdPerMillionTokens => value as UsdPerMillionTokens;
export const usdPerTerahash = (value: number): UsdPerTerahash => value as UsdPerTerahash;

export const toUsdNano = (usd: number): UsdNano => usdNano(usd * NANO);
export const toUsd = (amount: UsdNano): number => amount / NANO;
export const addUsd = (a: UsdNano, b: UsdNano): UsdNano => (a + b) as UsdNano;

/** What `energy` costs at `price`. */
export const energyCost = (energy: MilliJoules, price: UsdPerKwh): UsdNano =>
  toUsdNano(toKilowattHours(energy) * price);

/** What a constant `power` costs per hour at `price`. */
export const powerCost = (power: Watts, price: UsdPerKwh): UsdPerHour =>
  (((power / 1000) as KilowattHours) * price) as UsdPerHour;

/** What `rate` pays over `length`. */
export const earnedOver = (rate: UsdPerHour, length: Millis): UsdNano => toUsdNano(rate * toHours(length));

/** What `tokens` cost at `price`. */
export const tokenCost = (tokens: number, price: UsdPerMillionTokens): UsdNano => toUsdNano((tokens / 1e6) * price);

/** What a pool that pays `price` credits for `expectedHashes`. */
export const hashCredit = (expectedHashes: number, price: UsdPerTerahash): UsdNano =>
  toUsdNano((expectedHashes / 1e12) * price);
