import type { Watts } from "../units/energy.ts";
import { watts } from "../units/energy.ts";
import type { UsdPerHour } from "../units/money.ts";
import type { LiveRate } from "./rates.ts";

/** What one GPU did and drew with one setting. */
export interface BenchFigure {
  /** The coin or the model. */
  readonly label: string;
  readonly unit: "H/s" | "tok/s";
  /** Requests at once; absent for a coin. */
  readonly concurrency?: number;
  /** Held while measured; absent where none was tried. */
  readonly powerLimit?: Watts;
  readonly rate?: number;
  /** Of a second coin that was hashed at the same time. */
  readonly dual?: LiveRate;
  /** Accepted by the pool, claimed by the miner, or counted by the engine. */
  readonly basis: "effective" | "reported" | "served";
  readonly power?: Watts;
  /** At the prices of now; for a model at full load. */
  readonly net?: UsdPerHour;
  /** Looks, or answered requests. */
  readonly samples: number;
  /** False where rate and power still moved when the patience for them ended. */
  readonly isSteady: boolean;
  /** What speaks against the figure. */
  readonly note?: string;
  readonly isStored: boolean;
}

/** So many looks on each side are compared. */
const HALF = 4;
/** Each side's mean within this much of the other's. */
const TOLERANCE = 0.02;
/** Watts that a card moves by on its own. */
const LEAST = 1;

/** Whether the newest values stay where the ones before them were; what is not known at all is as steady as it gets. */
export function isSteady(values: readonly (number | undefined)[], least = 0): boolean {
  if (values.length < 2 * HALF) return false;
  const newest = values.slice(-2 * HALF);
  if (newest.every((value) => value === undefined)) return true;
  const [before, after] = [meanOf(newest.slice(0, HALF)), meanOf(newest.slice(HALF))];
  if (before === undefined || after === undefined) return false;
  return Math.abs(after - before) <= Math.max(least, TOLERANCE * Math.abs(before));
}

export const isPowerSteady = (values: readonly (number | undefined)[]): boolean => isSteady(values, LEAST);

/** Of those that are known; undefined where none is. */
export function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
}

export const ratePerWatt = ({ rate, power }: Pick<BenchFigure, "rate" | "power">): number | undefined =>
  rate === undefined || power === undefined || !(power > 0) ? undefined : rate / power;

/**
 * The figure that brings most, or, where a price is unknown, the one that gets most out of a watt. One that still moved,
 * or that something speaks against, recommends nothing.
 */
export function bestOf(figures: readonly BenchFigure[]): BenchFigure | undefined {
  const known = figures.filter(
    ({ rate, isSteady: isCalm, note }) => rate !== undefined && rate > 0 && isCalm && note === undefined,
  );
  const isPriced = known.length > 0 && known.every(({ net }) => net !== undefined);
  const worth = (figure: BenchFigure) => (isPriced ? figure.net : ratePerWatt(figure)) ?? Number.NEGATIVE_INFINITY;
  return known.reduce<BenchFigure | undefined>(
    (best, one) => (best === undefined || worth(one) > worth(best) ? one : best),
    undefined,
  );
}

const STEPS = 6;
const ROUND_TO = 5;

/** From what is in force down to half of it, as far as the driver goes: what to try where nobody says. */
export function usualLimits(now: Watts, lowest: Watts): readonly Watts[] {
  const least = Math.max(lowest, now / 2);
  const limits = Array.from({ length: STEPS }, (_, step) => now - ((now - least) * step) / (STEPS - 1));
  const rounded = limits.map((limit) => Math.min(now, Math.max(lowest, Math.round(limit / ROUND_TO) * ROUND_TO)));
  return [...new Set([now, ...rounded])].map(watts);
}

/** 1, 2, 4, 8, … and at last as many as there are slots. */
export function levelsUpTo(slots: number): readonly number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(Math.max(1, slots))) + 1 }, (_, power) => 2 ** power);
  return [...new Set([...powers, Math.max(1, slots)])];
}
