import { type Watts, watts } from "../units/energy.ts";
import type { WallModel } from "./wall.ts";

/** The mean power of all GPUs, and of the wall, within one minute. */
export interface WallPoint {
  readonly gpus: Watts;
  readonly wall: Watts;
}

export interface WallFit {
  readonly model: WallModel;
  /** Root mean square of what the model leaves unexplained, in percent of the mean wall power. */
  readonly residualPct: number;
  readonly points: number;
}

/** Fewer minutes prove nothing. */
const FEWEST_POINTS = 30;
/** The prior weighs as much as this many minutes. */
const PRIOR_MINUTES = 60;
/** The prior knows its slope as well as that many minutes of this much spread would. */
const PRIOR_SPREAD_W = 30;
/** Beyond this the meter measures something else, or the GPUs are not all on it. */
const LEAST_FACTOR = 0.95;
const GREATEST_FACTOR = 1.3;
/** A class 1 meter, and the time its minutes may be out of step. */
const METER_PCT = 1.5;

/**
 * Fits `wall = a + b · gpus` by least squares with a ridge towards `prior`, so that a rig that never changes its load
 * keeps the slope it was given. `b` stays within 0.95 to 1.30 and `a` is never negative. Undefined with too few points.
 */
export function fitWall(points: readonly WallPoint[], prior: WallModel): WallFit | undefined {
  const sane = points.filter(({ gpus, wall }) => Number.isFinite(gpus) && gpus >= 0 && wall >= LEAST_FACTOR * gpus);
  const count = sane.length;
  if (count < FEWEST_POINTS) return undefined;
  const factor = clamp(solveFactor(sane, prior), LEAST_FACTOR, GREATEST_FACTOR);
  // With b known, the best a is the mean of what is left, pulled towards the prior.
  const left = sane.reduce((sum, { gpus, wall }) => sum + wall - factor * gpus, 0);
  const host = Math.max(0, (left + PRIOR_MINUTES * prior.hostPower) / (count + PRIOR_MINUTES));
  const residualPct = residualOf(sane, host, factor);
  const model = { hostPower: watts(host), factor, errorPct: METER_PCT + residualPct };
  return { model, residualPct, points: count };
}

/** The slope around the means, so that the prior of the slope says nothing about the host. */
function solveFactor(points: readonly WallPoint[], prior: WallModel): number {
  const mean = (f: (point: WallPoint) => number) => points.reduce((sum, one) => sum + f(one), 0) / points.length;
  const x = mean(({ gpus }) => gpus);
  const y = mean(({ wall }) => wall);
  const ridge = (PRIOR_MINUTES * PRIOR_SPREAD_W ** 2) / points.length;
  const spread = mean(({ gpus }) => (gpus - x) ** 2) + ridge;
  return (mean(({ gpus, wall }) => (gpus - x) * (wall - y)) + ridge * prior.factor) / spread;
}

function residualOf(points: readonly WallPoint[], host: number, factor: number): number {
  const squares = points.reduce((sum, { gpus, wall }) => sum + (wall - host - factor * gpus) ** 2, 0);
  const mean = points.reduce((sum, { wall }) => sum + wall, 0) / points.length;
  return mean > 0 ? (100 * Math.sqrt(squares / points.length)) / mean : 0;
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
