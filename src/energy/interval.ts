import type { GpuReading } from "../gpu/source.ts";
import { worseQuality } from "../ledger/quality.ts";
import type { EnergyQuality } from "../ledger/rows.ts";
import {
  addEnergy,
  energyOver,
  type MilliJoules,
  milliJoules,
  type Watts,
  watts,
  ZERO_ENERGY,
} from "../units/energy.ts";
import { type Millis, millis, seconds } from "../units/time.ts";

/** What a GPU used between two readings, and how that is known. */
export interface Measurement {
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
  /** The part of `energy` that was estimated across a counter's reset. */
  readonly estimated: MilliJoules;
  /** Estimated use while nothing could be read; not in `energy`, billed to nobody. */
  readonly unseen: MilliJoules;
}

/** The greatest power of one board; only for cards that do not tell their limit. */
const UNKNOWN_LIMIT = watts(2000);
const PLAUSIBLE_FACTOR = 1.3;
const PLAUSIBLE_SLACK = seconds(5);
/** Less than this much of what power says, and a counter under a new name began anew. */
const SAME_PACE = 0.5;
/** More than this much of what power says, and what a new counter holds was not used since it began. */
const TOO_FAST = 2;
/** How much older than its reading a counter may be. */
const TICK = seconds(0.5);
/** A counter that stands still while this much was drawn has frozen. */
const FROZEN_ABOVE = milliJoules(20_000);

/** Measures from `a` to `b`; `b` is the later one on the monotonic clock. Never negative. */
export function measure(a: GpuReading, b: GpuReading): Measurement {
  const length = millis(b.monotonic - a.monotonic);
  if (isLost(a) || isLost(b)) return unseen(b, a, length);
  const from = counterOf(a);
  const to = counterOf(b);
  if (from === undefined || to === undefined) return integrate(a, b, length);
  const basis = worseQuality(basisOf(a), basisOf(b));
  const energy = milliJoules(to - from);
  if (a.epoch !== b.epoch) return goesOn(a, b, energy) ? plain(energy, "reset") : afterReset(a, b, length);
  if (to < from) return afterReset(a, b, length);
  if (energy > ceiling(b, a, length)) return distrusted(integrate(a, b, length));
  const isFrozen = energy === 0 && basis === "counter" && (powerIntegral(a, b, length) ?? 0) > FROZEN_ABOVE;
  // Booking the integral instead would bill the same joules twice once the counter catches up.
  return plain(energy, isFrozen ? "suspect" : basis);
}

/** Whether the counter of `b` may be that of `a`, further on: it neither fell nor ran ahead of what the board can draw. */
export function follows(a: GpuReading, b: GpuReading): boolean {
  const from = counterOf(a);
  const to = counterOf(b);
  if (from === undefined || to === undefined) return false;
  const energy = milliJoules(to - from);
  if (a.epoch !== b.epoch) return goesOn(a, b, energy);
  return energy >= 0 && energy <= ceiling(b, a, millis(b.monotonic - a.monotonic));
}

/**
 * A counter that goes on where it was, at the pace of the power, is the old one under a new name: its whole content is
 * never billed again. Should it be a new one that happens to stand there, what it held before is given away.
 */
function goesOn(a: GpuReading, b: GpuReading, energy: MilliJoules): boolean {
  const length = millis(b.monotonic - a.monotonic);
  const expected = powerIntegral(a, b, length) ?? energy;
  return energy >= 0 && energy <= ceiling(b, a, length) && energy >= SAME_PACE * expected;
}

/** A GPU that cannot be asked; nothing it says counts. */
export const isLost = ({ health }: GpuReading): boolean => health === "lost" || health === "reset-required";
const basisOf = ({ energyBasis }: GpuReading): EnergyQuality => energyBasis ?? "assumed";
const plain = (energy: MilliJoules, quality: EnergyQuality): Measurement => ({
  energy,
  quality,
  estimated: ZERO_ENERGY,
  unseen: ZERO_ENERGY,
});
const distrusted = (measurement: Measurement): Measurement => ({
  ...measurement,
  quality: worseQuality(measurement.quality, "suspect"),
});

/** Undefined when absent or beyond what a millijoule counter can hold. */
export const counterOf = ({ energy }: GpuReading): MilliJoules | undefined =>
  energy !== undefined && Number.isSafeInteger(energy) && energy >= 0 ? energy : undefined;

const limitOf = (reading: GpuReading, other: GpuReading): Watts => {
  const limit = reading.powerLimit ?? other.powerLimit;
  return limit !== undefined && limit > 0 && limit <= UNKNOWN_LIMIT ? limit : UNKNOWN_LIMIT;
};

const ceiling = (b: GpuReading, a: GpuReading, length: Millis): MilliJoules =>
  milliJoules(limitOf(b, a) * (PLAUSIBLE_FACTOR * length + PLAUSIBLE_SLACK));

/** Power capped at the board's limit; undefined when it could not be read. */
export function powerOf(reading: GpuReading, other: GpuReading): Watts | undefined {
  const { power } = reading;
  if (power === undefined || !Number.isFinite(power) || power < 0) return undefined;
  return watts(Math.min(power, limitOf(reading, other)));
}

/** Trapezoid over both ends; one known end stands for both. */
export function powerIntegral(a: GpuReading, b: GpuReading, length: Millis): MilliJoules | undefined {
  const start = powerOf(a, b) ?? powerOf(b, a);
  const end = powerOf(b, a) ?? powerOf(a, b);
  if (start === undefined || end === undefined) return undefined;
  return energyOver(watts((start + end) / 2), length);
}

function integrate(a: GpuReading, b: GpuReading, length: Millis): Measurement {
  const energy = powerIntegral(a, b, length);
  return energy === undefined ? unseen(b, a, length) : plain(energy, "sampled");
}

/** Nothing is billed for time that nobody saw; the estimate is kept for the operator. */
function unseen(b: GpuReading, a: GpuReading, length: Millis): Measurement {
  const estimate = energyOver(powerOf(a, b) ?? powerOf(b, a) ?? watts(0), length);
  return { energy: ZERO_ENERGY, quality: "lost", estimated: ZERO_ENERGY, unseen: estimate };
}

/** The new counter holds what was used since the reset; the time before it is estimated from the last power seen. */
function afterReset(a: GpuReading, b: GpuReading, length: Millis): Measurement {
  const counted = counterOf(b) ?? ZERO_ENERGY;
  if (counted > usableSince(a, b, length)) return distrusted(integrate(a, b, length));
  const before = powerOf(a, b) ?? powerOf(b, a) ?? watts(0);
  const since = powerOf(b, a) ?? before;
  const sinceReset = since > 0 ? Math.min(length, counted / since) : 0;
  const estimated = energyOver(before, millis(length - sinceReset));
  return { energy: addEnergy(counted, estimated), quality: "reset", estimated, unseen: ZERO_ENERGY };
}

/** The most that a counter can hold that began within the time. */
function usableSince(a: GpuReading, b: GpuReading, length: Millis): number {
  const most = limitOf(b, a) * (PLAUSIBLE_FACTOR * length + TICK);
  const expected = powerIntegral(a, b, length);
  return expected === undefined ? most : Math.min(most, TOO_FAST * expected + limitOf(b, a) * TICK);
}
