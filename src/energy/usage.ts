import type { Millis } from "../units/time.ts";

/** How much of the GPU's cores one window kept busy between two moments of the monotonic clock. */
export interface UsageSample {
  /** The window's id. */
  readonly id: string;
  readonly from: Millis;
  readonly to: Millis;
  /** In any unit, the same for all: percent of the cores, or time. Not negative. */
  readonly weight: number;
}

/** The samples that say how a shared GPU is to be split. Owned by one meter. */
export interface UsageBook {
  add(samples: readonly UsageSample[]): void;
  /** Where a sample begins or ends within the span. */
  edges(from: number, to: number): number[];
  /** One weight per id at that moment; undefined where no sample, or none above 0, says anything. */
  weightsAt(at: number, ids: readonly string[]): readonly number[] | undefined;
  forget(before: number): void;
}

export function createUsageBook(): UsageBook {
  let samples: readonly UsageSample[] = [];
  return {
    add: (more) => {
      const fit = more.filter(({ from, to, weight }) => to > from && Number.isFinite(weight) && weight >= 0);
      samples = [...samples, ...fit];
    },
    edges: (from, to) => samples.flatMap((one) => [one.from, one.to]).filter((at) => at > from && at < to),
    weightsAt: (at, ids) => {
      const now = samples.filter((one) => one.from <= at && at < one.to);
      const weights = ids.map((id) => now.reduce((sum, one) => (one.id === id ? sum + one.weight : sum), 0));
      return weights.some((weight) => weight > 0) ? weights : undefined;
    },
    forget: (before) => {
      samples = samples.filter((one) => one.to > before);
    },
  };
}
