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
import type { Route } from "./steps.ts";

/** What handovers took, newest first. */
export interface SwitchSample {
  readonly duration: Millis;
  /** Undefined where it is not known. */
  readonly energy: MilliJoules | undefined;
}

export interface SwitchCost {
  /** The mean: what the next one will cost, on average, is what policy weighs. */
  readonly duration: Millis;
  /** Nine of ten took no longer: what may be promised to somebody who waits. */
  readonly promised: Millis;
  /** 0 while none is known. */
  readonly energy: MilliJoules;
  /** 0 while the figures are assumptions. */
  readonly samples: number;
}

interface Assumption {
  /** Until what had the GPU is off it. */
  readonly end: Millis;
  /** From there until what comes next works. */
  readonly begin: Millis;
}

/** Planning figures until the way has been measured once on this GPU, on every rung and to and from rest alike. */
const ASSUMED: Readonly<Record<Rung, Assumption>> = {
  cold: { end: seconds(2), begin: seconds(8) },
  warm: { end: seconds(2), begin: seconds(4) },
  sleep: { end: millis(500), begin: millis(1500) },
  freeze: { end: millis(500), begin: millis(500) },
  checkpoint: { end: seconds(1), begin: seconds(2) },
};

/** Rest has nothing to begin and nothing to end, so that a way over rest is assumed no shorter than the direct one. */
export function assumedFor(rung: Rung, { from, to }: Route): Millis {
  const { end, begin } = ASSUMED[rung];
  return millis((from === "none" ? 0 : end) + (to === "none" ? 0 : begin));
}

/** From this many medians on, a handover tells of a bad day and not of the next one. */
const OUTLIER = 3;

/** The mean of the last handovers of one kind, each counted as at most three medians; what was assumed without any. */
export function learnCost(assumed: Millis, samples: readonly SwitchSample[]): SwitchCost {
  if (samples.length === 0) return { duration: assumed, promised: assumed, energy: milliJoules(0), samples: 0 };
  const energies = samples.flatMap(({ energy }) => energy ?? []);
  const durations = samples.map(({ duration }) => duration);
  return {
    duration: millis(meanOf(durations)),
    promised: millis(nearestRank(durations, 0.9)),
    energy: milliJoules(energies.length === 0 ? 0 : meanOf(energies)),
    samples: samples.length,
  };
}

function meanOf(values: readonly number[]): number {
  const limit = OUTLIER * nearestRank(values, 0.5);
  return values.reduce((sum, value) => sum + Math.min(value, limit), 0) / values.length;
}

function nearestRank(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}

export interface RoundTrip {
  readonly duration: Millis;
  /** Of the way there: how long somebody who asks may have to wait for it. */
  readonly promised: Millis;
  readonly cost: UsdNano;
}

/** Dead time and money of leaving and coming back: what the best work would have earned, the energy, and the wear. */
export function roundTrip(
  legs: readonly [SwitchCost, ...SwitchCost[]],
  prices: { readonly best: UsdPerHour; readonly electricity: UsdPerKwh; readonly wear: UsdNano },
): RoundTrip {
  const duration = millis(legs.reduce((sum, leg) => sum + leg.duration, 0));
  const energy = milliJoules(legs.reduce((sum, leg) => sum + leg.energy, 0));
  const missed = prices.best > 0 ? earnedOver(prices.best, duration) : usdNano(0);
  const wear = usdNano(2 * prices.wear);
  return {
    duration,
    promised: legs[0].promised,
    cost: addUsd(addUsd(missed, energyCost(energy, prices.electricity)), wear),
  };
}
