import { type MilliJoules, milliJoules, type Watts } from "../units/energy.ts";
import type { Millis } from "../units/time.ts";

/** What the socket delivers for a GPU's energy: `a + b · P`. */
export interface WallModel {
  /** `a`: everything in the rig that is not a GPU (board, risers, fans, drives), in watts at the wall. */
  readonly hostPower: Watts;
  /** `b`: wall joules per GPU joule; 1 / efficiency of the power supply, times the sensor's gain. */
  readonly factor: number;
  /** How far the energy at the wall may be off, in percent; only for a model fitted to a meter. */
  readonly errorPct?: number;
}

/** An 80 PLUS Gold supply between 20 % and 100 % load, with no host share. */
export const DEFAULT_WALL_MODEL: WallModel = { hostPower: 0 as Watts, factor: 1 / 0.9 };

/** How much of the host one job carries, and for how long. */
export interface HostShare {
  readonly length: Millis;
  /** 0 to 1. */
  readonly share: number;
}

/** Energy at the wall behind `energy` at the GPU, rounded to whole millijoules. */
export const wallEnergy = (model: WallModel, energy: MilliJoules, host: HostShare): MilliJoules =>
  milliJoules(model.factor * energy + model.hostPower * host.length * host.share);
