import type { Millis } from "./time.ts";
import type { Unit } from "./unit.ts";

/** Electric power in watts. */
export type Watts = Unit<"W">;
/** Energy in millijoules; always a safe integer (2^53 mJ is 285 years at 1 kW). */
export type MilliJoules = Unit<"mJ">;
export type KilowattHours = Unit<"kWh">;

const MILLIJOULES_PER_KWH = 3_600_000_000;

export const watts = (value: number): Watts => value as Watts;

/** Rounds to whole millijoules. */
export const milliJoules = (value: number): MilliJoules => Math.round(value) as MilliJoules;
export const ZERO_ENERGY = 0 as MilliJoules;

export const addEnergy = (a: MilliJoules, b: MilliJoules): MilliJoules => (a + b) as MilliJoules;
export const toKilowattHours = (energy: MilliJoules): KilowattHours => (energy / MILLIJOULES_PER_KWH) as KilowattHours;
export const toJoules = (energy: MilliJoules): number => energy / 1000;

/** What a constant `power` uses over `length`, rounded to whole millijoules. */
export const energyOver = (power: Watts, length: Millis): MilliJoules => milliJoules(power * length);
