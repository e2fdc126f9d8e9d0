import { hashrate } from "../units/work.ts";
import { sayHashrate, sayUsd } from "../valuation/wording.ts";

/** What an unknown value looks like everywhere. */
export const UNKNOWN = "–";

const known = <T>(value: T | null, say: (value: T) => string): string => (value === null ? UNKNOWN : say(value));

export const sayWatts = (power: number | null): string => known(power, (value) => `${value.toFixed(1)} W`);
export const sayMoney = (usd: number | null): string => known(usd, sayUsd);
export const sayNano = (amount: number | null): string => known(amount, (value) => sayUsd(value / 1e9));
export const sayHps = (rate: number | null): string => known(rate, (value) => sayHashrate(hashrate(value)));
export const sayTps = (rate: number | null): string => known(rate, (value) => `${value.toFixed(0)} tok/s`);
export const sayCount = (count: number | null): string => known(count, String);
export const sayCelsius = (degrees: number | null): string => known(degrees, (value) => `${value.toFixed(0)} °C`);
export const sayPercent = (percent: number | null): string => known(percent, (value) => `${value.toFixed(0)} %`);

/** Joules, with a prefix from a thousand on. */
export function sayEnergy(milliJoules: number | null): string {
  return known(milliJoules, (value) => {
    const joules = value / 1000;
    if (joules < 1000) return `${joules.toFixed(joules < 10 ? 2 : 1)} J`;
    return joules < 3_600_000 ? `${(joules / 1000).toFixed(1)} kJ` : `${(joules / 3_600_000).toFixed(3)} kWh`;
  });
}

/** A length of time in its two largest units. */
export function sayLength(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

export const sayTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

export const sayAmount = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;
