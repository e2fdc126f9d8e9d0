import type { Watts } from "../units/energy.ts";
import type { Millis } from "../units/time.ts";
import type { ForeignMiner } from "./bench-adopt.ts";
import type { BenchFigure } from "./bench-figures.ts";

/** What one benchmark of one GPU should measure. */
export interface BenchOrder {
  readonly workload: "hashing" | "inference";
  /** Of hashing: by which flight sheet; the one that hashes, or would, when absent. */
  readonly sheet?: string;
  /** How long each figure is measured, once rate and power are steady. */
  readonly length: Millis;
  /** Whether the GPU is taken off what it does now. */
  readonly take: boolean;
  /** Measure at each of these power limits; at the usual ones when none is named. */
  readonly sweep?: { readonly limits?: readonly Watts[] };
  /** Take the figures of what runs now, whoever started it: nothing is waited for, and nothing is touched. */
  readonly adopt?: "own" | ForeignMiner;
  /** Whether a foreign miner that does not say what it hashes is taken to hash by the flight sheet. */
  readonly trustsUntold?: boolean;
}

export type BenchNews =
  | { readonly kind: "progress"; readonly doing: string /** 0 to 1. */; readonly part: number }
  | { readonly kind: "figure"; readonly figure: BenchFigure }
  | {
      readonly kind: "end";
      readonly figures: readonly BenchFigure[];
      /** Of a sweep. */
      readonly best?: BenchFigure;
      /** False where the power limit could not be set back yet; it is tried again until it is. */
      readonly isRestored: boolean;
    };
