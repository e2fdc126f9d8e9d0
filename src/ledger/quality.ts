import type { EnergyQuality } from "./rows.ts";

/** From best to worst trusted. */
export const ENERGY_QUALITIES = ["counter", "sampled", "assumed", "reset", "lost", "suspect"] as const;

/** The less trusted of the two: what a sum of both must be labelled with. */
export const worseQuality = (a: EnergyQuality, b: EnergyQuality): EnergyQuality =>
  ENERGY_QUALITIES.indexOf(a) >= ENERGY_QUALITIES.indexOf(b) ? a : b;
