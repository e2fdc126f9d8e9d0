import { type MilliJoules, milliJoules, type Watts, watts } from "../../units/energy.ts";

/** No house connection delivers more. */
const MOST_WATTS = 1_000_000;
/** How far below zero the zero point of a meter may lie; beyond that its clamp is the wrong way round. */
const LEAST_WATTS = -10;
const MILLIJOULES_PER_WH = 3_600_000;

/** The value below `keys` in a stranger's JSON; undefined where there is none. */
export function valueAt(value: unknown, keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((inner, key) => {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    return (inner as Readonly<Record<string | number, unknown>>)[key];
  }, value);
}

/** A power of 0 or more; a rig feeds nothing back, so only a slightly negative zero point counts as 0. */
export function toPower(value: unknown): Watts | undefined {
  if (typeof value !== "number" || !(value >= LEAST_WATTS && value <= MOST_WATTS)) return undefined;
  return watts(Math.max(0, value));
}

/** A total in watt-hours as millijoules; undefined when it is none, or beyond what a safe integer holds. */
export function toTotal(wattHours: unknown): MilliJoules | undefined {
  if (typeof wattHours !== "number" || !Number.isFinite(wattHours) || wattHours < 0) return undefined;
  const energy = milliJoules(wattHours * MILLIJOULES_PER_WH);
  return Number.isSafeInteger(energy) ? energy : undefined;
}

export const sumOf = (values: readonly (number | undefined)[]): number | undefined =>
  values.length === 0 || values.includes(undefined) ? undefined : values.reduce<number>((a, b) => a + (b ?? 0), 0);
