import { type Watts, watts } from "../units/energy.ts";
import { SUPPLY_PCT, type WallModel } from "./wall.ts";

/** The mean power of all GPUs, of the wall, and of the processor where it has a counter, within one minute. */
export interface WallPoint {
  readonly gpus: Watts;
  readonly wall: Watts;
  readonly host?: Watts | undefined;
}

export interface WallFit {
  readonly model: WallModel;
  /** Root mean square of what the model leaves unexplained, in percent of the mean wall power. */
  readonly residualPct: number;
  /** How much of the slope is not measured but the prior's, 0 to 1. */
  readonly priorShare: number;
  readonly points: number;
}

/** Fewer minutes prove nothing. */
const FEWEST_POINTS = 30;
/** The prior weighs as much as this many minutes. */
const PRIOR_MINUTES = 60;
/** The prior knows its slope as well as that many minutes of this much spread would. */
const PRIOR_SPREAD_W = 30;
/** Sensors and meters stray by some watts, and not by chance alone: no number of minutes makes less spread tell a slope. */
const BLUR_W = 10;
/** Beyond this the meter measures something else, or the GPUs are not all on it. */
const LEAST_FACTOR = 0.95;
const GREATEST_FACTOR = 1.3;
/** A class 1 meter, and the time its minutes may be out of step. */
const METER_PCT = 1.5;
/** A minute this many median deviations away, and this part of the usual wall power, is a slip of the meter. */
const SLIP_DEVIATIONS = 8;
const SLIP_SHARE = 0.25;

/** One minute with what the processor drew at the wall taken off. */
interface Minute {
  readonly x: number;
  readonly y: number;
  readonly processor: number;
}

/**
 * Fits `wall = a + b · gpus` by least squares with a ridge towards `prior`, so that a rig that never changes its load
 * keeps the slope it was given. `b` stays within 0.95 to 1.30 and `a` is never negative. Where most minutes know the
 * processor, `a` is told apart from it. Undefined with too few points.
 */
export function fitWall(points: readonly WallPoint[], prior: WallModel): WallFit | undefined {
  const sane = points.filter(({ gpus, wall }) => Number.isFinite(gpus) && gpus >= 0 && wall >= LEAST_FACTOR * gpus);
  const knowing = sane.filter(({ host }) => host !== undefined && host >= 0);
  const knowsProcessor = knowing.length >= FEWEST_POINTS && knowing.length * 2 > sane.length;
  const minutes = withoutSlips((knowsProcessor ? knowing : sane).map(toMinute(prior.factor, knowsProcessor)), prior);
  const count = minutes.length;
  if (count < FEWEST_POINTS) return undefined;
  const { slope, priorShare } = solveSlope(minutes, prior);
  const factor = clamp(slope, LEAST_FACTOR, GREATEST_FACTOR);
  const processor = meanOf(minutes, (minute) => minute.processor);
  // With b known, the best a is the mean of what is left, pulled towards the prior.
  const left = meanOf(minutes, ({ x, y }) => y - factor * x) * count;
  const given = Math.max(0, prior.hostPower - processor);
  const rest = Math.max(0, (left + PRIOR_MINUTES * given) / (count + PRIOR_MINUTES));
  const residualPct = residualOf(minutes, rest, factor);
  const model: WallModel = {
    hostPower: watts(rest + processor),
    factor,
    ...(knowsProcessor ? { besideProcessor: watts(rest) } : {}),
    // A slope that nothing measured is as uncertain as the supply's efficiency.
    errorPct: METER_PCT + residualPct + priorShare * SUPPLY_PCT,
  };
  return { model, residualPct, priorShare, points: count };
}

const toMinute =
  (factor: number, knowsProcessor: boolean) =>
  ({ gpus, wall, host }: WallPoint): Minute => {
    const processor = knowsProcessor ? factor * (host ?? 0) : 0;
    return { x: gpus, y: wall - processor, processor };
  };

/** Without minutes that stand out by far, in which the meter or its total jumped. */
function withoutSlips(minutes: readonly Minute[], { factor }: WallModel): readonly Minute[] {
  const off = minutes.map(({ x, y }) => y - factor * x);
  const usual = medianOf(off);
  const deviation = medianOf(off.map((one) => Math.abs(one - usual)));
  const wall = medianOf(minutes.map(({ y, processor }) => y + processor));
  const most = Math.max(SLIP_DEVIATIONS * deviation, SLIP_SHARE * wall);
  return minutes.filter((_, i) => Math.abs((off[i] ?? 0) - usual) <= most);
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const meanOf = (minutes: readonly Minute[], f: (minute: Minute) => number): number =>
  minutes.reduce((sum, one) => sum + f(one), 0) / minutes.length;

/** The slope around the means, so that the prior of the slope says nothing about the host. */
function solveSlope(minutes: readonly Minute[], prior: WallModel) {
  const x = meanOf(minutes, (minute) => minute.x);
  const y = meanOf(minutes, (minute) => minute.y);
  const ridge = Math.max(BLUR_W ** 2, (PRIOR_MINUTES * PRIOR_SPREAD_W ** 2) / minutes.length);
  const spread = meanOf(minutes, (minute) => (minute.x - x) ** 2) + ridge;
  const slope = (meanOf(minutes, (minute) => (minute.x - x) * (minute.y - y)) + ridge * prior.factor) / spread;
  return { slope, priorShare: ridge / spread };
}

function residualOf(minutes: readonly Minute[], rest: number, factor: number): number {
  const squares = meanOf(minutes, ({ x, y }) => (y - rest - factor * x) ** 2);
  const mean = meanOf(minutes, ({ y, processor }) => y + processor);
  return mean > 0 ? (100 * Math.sqrt(squares)) / mean : 0;
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
