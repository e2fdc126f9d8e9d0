import type { EnergyQuality } from "../ledger/rows.ts";
import type { MilliJoules } from "../units/energy.ts";
import { type Millis, seconds } from "../units/time.ts";

/** What one metering window is made of, as far as its error goes. */
export interface BoundBasis {
  readonly energyByQuality: Readonly<Partial<Record<EnergyQuality, MilliJoules>>>;
  /** Time the energy was taken over. */
  readonly length: Millis;
  /** Energy that was estimated across a gap or an edge, inside or outside the sums; all of it may be wrong. */
  readonly gap: MilliJoules;
  readonly card?: CardError;
}

/** How far one card's sensor is to be trusted. */
export interface CardError {
  /** Its gain error in percent: measured against a wall meter, or the usual one of its kind. */
  readonly gainPct?: number;
  /** The sensor misses most of the time between its updates. */
  readonly seesPart?: boolean;
}

/** A counter on an uncalibrated card of no special kind. */
const UNCALIBRATED_GAIN_PCT = 6;
/** Above the counter's, for sampling with a guard band. */
const SAMPLING_PCT = 0.5;
/** A sensor that may see only a quarter of the time, on a job too short to average that out. */
const SHORT_SAMPLING_PCT = 40;
const LONG_ENOUGH = seconds(60);
/** The CPU model is a guess from core count and load, not a measurement. */
const ASSUMED_PCT = 50;
/** Power integrated across a counter that made no sense, or a counter that power contradicts. */
const SUSPECT_PCT = 40;
/** The counter may be this much older than the reading, at both ends together. */
const TICK = seconds(0.1);

/**
 * The error of energy that came about as `quality`, in percent (1 sigma-like). What is billed across a loss is what the
 * counter moved; what is not billed counts as a gap.
 */
export function qualityErrorPct(quality: EnergyQuality, length: Millis, card: CardError = {}): number {
  const { gainPct = UNCALIBRATED_GAIN_PCT, seesPart = false } = card;
  switch (quality) {
    case "counter":
    case "reset":
    case "lost":
      return countedPct(length, gainPct);
    case "sampled":
      return seesPart && length < LONG_ENOUGH ? SHORT_SAMPLING_PCT : gainPct + SAMPLING_PCT;
    case "assumed":
      return ASSUMED_PCT;
    case "suspect":
      return Math.max(SUSPECT_PCT, countedPct(length, gainPct));
  }
}

const countedPct = (length: Millis, gainPct: number): number => (length > 0 ? gainPct + (100 * TICK) / length : 100);

/**
 * The error of a whole window in percent of its energy, gaps counted in full. Parts add up linearly: the gain error
 * of one card is the same in all of them. Never above 100 while nothing is missing; a gap can lift it beyond.
 */
export function errorPct({ energyByQuality, length, gap, card = {} }: BoundBasis): number {
  const parts = Object.entries(energyByQuality) as [EnergyQuality, MilliJoules][];
  const total = parts.reduce((sum, [, energy]) => sum + energy, 0);
  // Nothing counted is not nothing used: a counter that moves once a tick may hide all of a short job.
  if (total === 0) return gap > 0 || length > 0 ? 100 : 0;
  const wrong = parts.reduce((sum, [quality, energy]) => sum + boundedPct(quality, length, card) * energy, 0);
  return (wrong + 100 * gap) / total;
}

const boundedPct = (quality: EnergyQuality, length: Millis, card: CardError): number =>
  Math.min(100, qualityErrorPct(quality, length, card));
