import type { Watts } from "../units/energy.ts";
import type { UsdPerHour, UsdPerKwh } from "../units/money.ts";
import type { Hashrate } from "../units/work.ts";
import type { PowerPrice } from "./valuation.ts";

const PREFIXES = ["", "k", "M", "G", "T", "P"] as const;

/** `usd` with enough digits to tell small rates apart, never in exponent form. */
export function sayUsd(usd: number): string {
  const size = Math.abs(usd);
  const digits = size === 0 || size >= 1 ? 2 : Math.min(9, 2 - Math.floor(Math.log10(size)));
  const text = size.toFixed(digits);
  return `${usd < 0 && Number(text) > 0 ? "−" : ""}$${text}`;
}

export const sayRate = (rate: UsdPerHour): string => `${sayUsd(rate)}/h`;
export const sayPrice = (price: UsdPerKwh): string => `${sayUsd(price)}/kWh`;
export const sayPower = (power: Watts): string => `${power.toFixed(power < 10 ? 1 : 0)} W`;

/** A hashrate with the prefix that leaves one to three digits before the point. */
export function sayHashrate(rate: Hashrate): string {
  const fits = (step: number): boolean => Number((rate / 1000 ** step).toFixed(2)) < 1000;
  const found = PREFIXES.findIndex((_, step) => fits(step));
  const step = found < 0 ? PREFIXES.length - 1 : found;
  return `${(rate / 1000 ** step).toFixed(2)} ${PREFIXES[step]}H/s`;
}

/** A part of a whole, with two digits that count. */
export const sayPercent = (part: number): string => `${Number((part * 100).toPrecision(2))} %`;

/** A load and what its kilowatt-hour costs, and why that is not the grid's price. */
export const sayPowerAt = (power: Watts, { price, note }: PowerPrice): string =>
  `${sayPower(power)} at ${sayPrice(price)}${note === undefined ? "" : ` (${note})`}`;
