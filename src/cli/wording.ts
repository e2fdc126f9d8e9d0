import type { JobView, ModeName, WorkloadName } from "../api/shapes.ts";
import { hashrate } from "../units/work.ts";
import { sayHashrate, sayUsd } from "../valuation/wording.ts";

/** What an unknown value looks like everywhere. */
export const UNKNOWN = "–";

const known = <T>(value: T | null, say: (value: T) => string): string => (value === null ? UNKNOWN : say(value));

export const sayWatts = (power: number | null): string => known(power, (value) => `${value.toFixed(1)} W`);
export const sayMoney = (usd: number | null): string => known(usd, sayUsd);
export const sayNano = (amount: number | null): string => known(amount, (value) => sayUsd(value / 1e9));
export const sayHps = (rate: number | null): string => known(rate, (value) => sayHashrate(hashrate(value)));
export const sayTps = (rate: number | null): string => known(rate, (value) => `${threeDigits(value)} tok/s`);
export const sayCount = (count: number | null): string => known(count, String);
export const sayCelsius = (degrees: number | null): string => known(degrees, (value) => `${value.toFixed(0)} °C`);
export const sayPercent = (percent: number | null): string => known(percent, (value) => `${value.toFixed(0)} %`);

/** The same words as on the page and in the valuations: a GPU without work rests. */
export function sayWorkload(workload: WorkloadName, name: string | null | undefined = null): string {
  if (workload === "none") return "rest";
  return name === null ? workload : `${workload} ${name}`;
}

/** A batch of completions is what a benchmark asks the engine for. */
export const sayKind = (kind: JobView["kind"]): string => (kind === "batch" ? "benchmark" : kind);

/** `1 share`, `2 shares`, `0 shares`. */
export const sayAmount = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** Three significant digits of a number below a thousand, never in exponent form. */
function threeDigits(value: number): string {
  const size = Math.abs(Number(value.toPrecision(3)));
  return value.toFixed(size === 0 ? 0 : Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(size)))));
}

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"] as const;

/** A pool's difficulty with three significant digits, from a thousand on with a prefix. */
export const sayDifficulty = (difficulty: number | null): string =>
  known(difficulty, (value) => {
    const step = value < 999.5 ? 0 : Math.min(PREFIXES.length - 1, Math.floor(Math.log10(value * 1.0005) / 3));
    const text = threeDigits(value / 1000 ** step);
    return step === 0 ? text : `${text} ${PREFIXES[step]}`;
  });

/** Joules, with a prefix from a thousand on. */
export function sayEnergy(milliJoules: number | null): string {
  return known(milliJoules, (value) => {
    const joules = value / 1000;
    if (joules < 1000) return `${joules.toFixed(joules < 10 ? 2 : 1)} J`;
    return joules < 3_600_000 ? `${(joules / 1000).toFixed(1)} kJ` : `${(joules / 3_600_000).toFixed(3)} kWh`;
  });
}

/** Energy with its bound; one that would reach below zero is told by its upper end alone. */
export const sayEnergyWithin = (milliJoules: number, errorPct: number): string =>
  errorPct > 100
    ? `at most ${sayEnergy(milliJoules * (1 + errorPct / 100))}`
    : `${sayEnergy(milliJoules)} ±${errorPct.toFixed(0)} %`;

/** A length of time in its two largest units; below a minute as exact as it is worth, for a request lasts tenths. */
export function sayLength(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

export const sayTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

/** `mine until 2026-01-31 14:00:00 UTC`; without an end only the mode. */
export const sayMode = (mode: ModeName, untilMs: number | null): string =>
  untilMs === null ? mode : `${mode} until ${sayTime(untilMs)} UTC`;
