import type { WindowEnergy } from "../energy/window-account.ts";
import type { GpuReading } from "../gpu/source.ts";
import { addEnergy, energyOver, type MilliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { type Millis, millis } from "../units/time.ts";

/** One switch, open from `opened` until `closed` on the monotonic clock. */
export interface SwitchFacts {
  readonly opened: Millis;
  readonly closed: Millis;
  /** Its joules so far; absent where no reading came while it was open or after. */
  readonly window: Pick<WindowEnergy, "energy" | "pending" | "quality"> | undefined;
  /** The newest one since it began; absent where all failed. */
  readonly reading: Pick<GpuReading, "monotonic" | "power"> | undefined;
}

/**
 * What a switch used, for its row: power fills in where readings do not reach, or the counter did not move yet.
 * Undefined where nothing that is trusted tells; what is booked is the meter's alone.
 */
export function switchEnergy({ opened, closed, window, reading }: SwitchFacts): MilliJoules | undefined {
  const told = window === undefined ? ZERO_ENERGY : addEnergy(window.energy, window.pending);
  const seenUntil = told > 0 && reading !== undefined ? Math.max(opened, reading.monotonic) : opened;
  const untold = millis(Math.max(0, closed - seenUntil));
  if (untold === 0) return told;
  const isDistrusted = window?.quality === "suspect" || window?.quality === "lost";
  if (reading?.power === undefined || (told === 0 && isDistrusted)) return undefined;
  return addEnergy(told, energyOver(reading.power, untold));
}
