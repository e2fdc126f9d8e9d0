import type { Rung } from "../ledger/rows.ts";
import { type MilliJoules, milliJoules } from "../units/energy.ts";
import {
  addUsd,
  earnedOver,
  energyCost,
  type UsdNano,
  type UsdPerHour,
  type UsdPerKwh,
  usdNano,
} from "../units/money.ts";
import { type Millis, millis, seconds } from "../units/time.ts";

/** What handovers took, newest first. */
export interface SwitchSample {
  readonly duration: Millis;
  readonly energy: MilliJoules;
}

export interface SwitchCost {
  readonly duration: Millis;
  readonly energy: MilliJoules;
  /** 0 while the figures are assumptions. */
  readonly samples: number;
}

/** Planning figures until the rung has been measured once on this GPU. */
const ASSUMED: Readonly<Record<Rung, Millis>> = {
  cold: seconds(10),
  warm: seconds(6),
  sleep: seconds(2),
  freeze: seconds(1),
  checkpoint: seconds(3),
};

/** The median of the last handovers of one kind, which one bad day cannot bend; the rung's assumption without any. */
export function learnCost(rung: Rung, samples: readonly SwitchSample[]): SwitchCost {
  if (samples.length === 0) return { duration: ASSUMED[rung], energy: milliJoules(0), samples: 0 };
  return {
    duration: millis(median(samples.map(({ duration }) => duration))),
    energy: milliJoules(median(samples.map(({ energy }) => energy))),
    samples: samples.length,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? 0;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? upper) + upper) / 2 : upper;
}

export interface RoundTrip {
  readonly duration: Millis;
  readonly cost: UsdNano;
}

/** Dead time and money of leaving and coming back: what the best work would have earned, the energy, and the wear. */
export function roundTrip(
  legs: readonly [SwitchCost, SwitchCost],
  prices: { readonly best: UsdPerHour; readonly electricity: UsdPerKwh; readonly wear: UsdNano },
): RoundTrip {
  const duration = millis(legs[0].duration + legs[1].duration);
  const energy = milliJoules(legs[0].energy + legs[1].energy);
  const missed = prices.best > 0 ? earnedOver(prices.best, duration) : usdNano(0);
  const wear = usdNano(2 * prices.wear);
  return { duration, cost: addUsd(addUsd(missed, energyCost(energy, prices.electricity)), wear) };
}
