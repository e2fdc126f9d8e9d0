import { worseQuality } from "../ledger/quality.ts";
import type { EnergyQuality, EnergySink } from "../ledger/rows.ts";
import { addEnergy, type MilliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { type Millis, millis } from "../units/time.ts";
import { errorPct } from "./error-bound.ts";

/** The running total of one window. */
export interface WindowEnergy {
  readonly id: string;
  readonly sink: EnergySink;
  readonly jobId?: string;
  readonly energy: MilliJoules;
  /** The worst of everything in it; undefined until something was measured. */
  readonly quality: EnergyQuality | undefined;
  /** Percent of `energy`, 1 sigma-like. */
  readonly errorPct: number;
  /** How long it was open, as far as readings reach. */
  readonly length: Millis;
  /** No more will come. */
  readonly closed: boolean;
}

interface Part {
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
  /** Estimated energy, inside or outside `energy`. */
  readonly gap: MilliJoules;
  readonly length: Millis;
}

/** Owned by one window of one meter. */
export interface WindowAccount {
  add(part: Part): void;
  total(): Pick<WindowEnergy, "energy" | "quality" | "errorPct" | "length">;
}

export function createAccount(gainPct: number | undefined): WindowAccount {
  const energyByQuality: Partial<Record<EnergyQuality, MilliJoules>> = {};
  let quality: EnergyQuality | undefined;
  let energy = ZERO_ENERGY;
  let gap = ZERO_ENERGY;
  let length = 0;
  return {
    add: (part) => {
      energyByQuality[part.quality] = addEnergy(energyByQuality[part.quality] ?? ZERO_ENERGY, part.energy);
      quality = quality === undefined ? part.quality : worseQuality(quality, part.quality);
      energy = addEnergy(energy, part.energy);
      gap = addEnergy(gap, part.gap);
      length += part.length;
    },
    total: () => {
      const basis = { energyByQuality, length: millis(length), gap, ...(gainPct === undefined ? {} : { gainPct }) };
      return { energy, quality, errorPct: errorPct(basis), length: millis(length) };
    },
  };
}
