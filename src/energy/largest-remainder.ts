import { type MilliJoules, ZERO_ENERGY } from "../units/energy.ts";

/**
 * Splits `total` in proportion to `weights` into whole millijoules that add up to it exactly.
 * Weights are finite and ≥ 0; where all are 0, all count the same. No weights, no parts: then `total` must be 0.
 */
export function apportion(total: MilliJoules, weights: readonly number[]): MilliJoules[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const quotas = weights.map((weight) => total * (sum > 0 ? weight / sum : 1 / weights.length));
  const parts = quotas.map((quota) => Math.floor(quota));
  let rest = total - parts.reduce((a, b) => a + b, 0);
  if (rest < 0) rest = takeBack(parts, rest);
  const byRemainder = quotas
    .map((quota, index) => ({ index, remainder: quota - Math.floor(quota) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (let turn = 0; rest > 0 && byRemainder.length > 0; turn = (turn + 1) % byRemainder.length, rest -= 1) {
    const index = byRemainder[turn]?.index ?? 0;
    parts[index] = (parts[index] ?? 0) + 1;
  }
  return parts.map((part) => part as MilliJoules);
}

/** Totals near 2^53 round up in floating point: the largest part gives the excess back. */
function takeBack(parts: number[], rest: number): number {
  const largest = parts.indexOf(Math.max(...parts));
  parts[largest] = (parts[largest] ?? 0) + rest;
  return ZERO_ENERGY;
}
