import { type MilliJoules, milliJoules, type Watts, watts } from "../units/energy.ts";
import type { WindowEnergy } from "./window-account.ts";

/** What the socket delivers for a GPU's energy: `a + b · P`. */
export interface WallModel {
  /** `a`: everything in the rig that is not a GPU (board, risers, fans, drives), in watts at the wall. */
  readonly hostPower: Watts;
  /** `b`: wall joules per GPU joule; 1 / efficiency of the power supply, times the sensor's gain. */
  readonly factor: number;
  /** What of `a` is not the processor, where a fit told them apart. */
  readonly besideProcessor?: Watts;
  /** How far the energy at the wall may be off, in percent of all of it; only for a model fitted to a meter. */
  readonly errorPct?: number;
}

/** Supplies from Bronze to Titanium between 20 % and 100 % load stray this far from the configured efficiency. */
export const SUPPLY_PCT = 5;
/** A configured host draw, or a processor's counter taken for the whole host, is a guess. */
const HOST_PCT = 50;
/** What a board with its fans, risers and drives draws where nobody configured it. */
const UNKNOWN_HOST = watts(40);

/** A job's energy at the wall, and how far it may be off. */
export interface AtWall {
  readonly energy: MilliJoules;
  readonly errorPct: number;
}

/**
 * What the host draws while its processor draws `processor`, both in watts at the wall. Without a fit that told them
 * apart the processor is part of `a`, and the least that `a` can be.
 */
function hostDraw({ hostPower, besideProcessor }: WallModel, processor: Watts | undefined): Watts {
  if (processor === undefined) return hostPower;
  return watts(besideProcessor === undefined ? Math.max(hostPower, processor) : besideProcessor + processor);
}

const hostErrorOf = ({ hostPower }: WallModel, host: Watts): Watts =>
  watts(Math.max((host * HOST_PCT) / 100, hostPower > 0 ? 0 : UNKNOWN_HOST));

/** The wall energy of one window; keeps the model it began with, and follows the processor. */
export class WallAccount {
  readonly #model: WallModel;
  readonly #share: number;
  #charged = 0;
  #host = 0;
  #hostError = 0;

  /** `share` of the host is this GPU's, 0 to 1. */
  constructor(model: WallModel, share: number) {
    this.#model = model;
    this.#share = share;
  }

  /** Takes the window's sums so far; `processor` is what it drew since the last call, in watts at the wall. */
  advance(window: Pick<WindowEnergy, "energy" | "errorPct" | "charged">, processor?: Watts): AtWall {
    const length = Math.max(0, window.charged - this.#charged) * this.#share;
    const host = hostDraw(this.#model, processor);
    this.#charged = Math.max(this.#charged, window.charged);
    this.#host += host * length;
    this.#hostError += hostErrorOf(this.#model, host) * length;
    const gpu = this.#model.factor * window.energy;
    const total = gpu + this.#host;
    return {
      energy: milliJoules(total),
      errorPct: total > 0 ? (100 * this.#errorOf(gpu, window.errorPct)) / total : 100,
    };
  }

  /** In millijoules; the GPU's own bound and the model's add up. */
  #errorOf(gpu: number, errorPct: number): number {
    const fitted = this.#model.errorPct;
    if (fitted !== undefined) return (gpu * (errorPct + fitted) + this.#host * fitted) / 100;
    return (gpu * (errorPct + SUPPLY_PCT)) / 100 + this.#hostError;
  }
}
