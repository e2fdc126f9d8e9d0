import type { SwitchSeconds } from "./trace.ts";

/** What a rule sees in one step: this row and how long it holds, never a later one. The object is reused. */
export interface Look {
  /** Seconds on the trace's clock. */
  readonly at: number;
  /** Seconds for which this row surely holds. */
  readonly length: number;
  /** Net USD per hour of each workload. */
  readonly rates: Float64Array;
  /** The workload that has the GPU. */
  readonly current: number;
  /** Seconds since the last switch; infinite before the first. */
  readonly stay: number;
  /** Whether the minimum dwell is over. */
  readonly mayMove: boolean;
}

/** The workload that shall have the GPU in this step; one that may not be had yet means to stay. */
export type Chooser = (look: Look) => number;

export interface Terms {
  readonly costs: SwitchSeconds;
  readonly minDwell: number;
}

/** A named rule; each `start` is a fresh run with no memory. */
export interface PriceRule {
  readonly name: string;
  readonly start: (terms: Terms) => Chooser;
}

export const at = (values: Float64Array, index: number): number => values[index] ?? 0;

/** The workload that pays most, the first among equals. */
export function bestOf(rates: Float64Array): number {
  let best = 0;
  for (let one = 1; one < rates.length; one++) if (at(rates, one) > at(rates, best)) best = one;
  return best;
}

/** USD that a switch from `from` to `to` costs at these rates: its time, at what the better of both would earn. */
export function switchUsd({ count, seconds }: SwitchSeconds, rates: Float64Array, from: number, to: number): number {
  if (from === to) return 0;
  return (at(seconds, from * count + to) / 3600) * Math.max(0, at(rates, from), at(rates, to));
}
