import type { MilliJoules, Watts } from "../../units/energy.ts";

/** One look at a meter at the plug. An absent field was not told; it is never zero. */
export interface WallReading {
  readonly power?: Watts;
  /** Drawn since the meter was installed or reset, what was fed back taken off. */
  readonly total?: MilliJoules;
}

/** A meter between the socket and the rig. */
export interface WallMeter {
  /** Throws `ERR_WALL_METER_UNREACHABLE` or `ERR_WALL_METER_ANSWER`; never waits longer than its own timeout. */
  read(signal: AbortSignal): Promise<WallReading>;
}
