import type { GpuReading, PowerField } from "../gpu/source.ts";
import type { EnergyQuality } from "../ledger/rows.ts";
import { type MilliJoules, ZERO_ENERGY } from "../units/energy.ts";
import type { Millis } from "../units/time.ts";
import type { Shape } from "./guard.ts";
import type { Measurement } from "./interval.ts";

/** Energy of one GPU over one span of monotonic time, measured once and for all. */
export interface Lump extends Measurement {
  readonly from: Millis;
  readonly to: Millis;
  /** Ties monotonic time to wall time: the reading that completed the span. */
  readonly anchor: Pick<GpuReading, "at" | "monotonic">;
  readonly origin: Origin;
  /** What the counter moved over the span, whoever keeps it: no other lump of its epoch overlaps. */
  readonly counter?: CounterSpan;
  /** The GPU was out of sight all the while: nobody's time, whoever was there before or came after. */
  readonly isAway?: boolean;
  /** How the energy lies within the span; evenly when absent. */
  readonly shape?: Shape;
}

export interface CounterSpan {
  readonly from: MilliJoules;
  readonly to: MilliJoules;
}

/** What a receipt must be able to show for a piece of energy. */
export interface Origin {
  readonly epoch: string;
  /** The hardware's counter at both ends of the span. */
  readonly counter?: CounterSpan;
  readonly powerField?: PowerField;
  /** The integral of power over the span, where a counter measured it: evidence, never billed. */
  readonly integrated?: number;
  /** A sensor that misses most of the time, so that short or pulsing work may be far off. */
  readonly seesPart?: boolean;
}

export const originOf = ({ epoch, powerField }: GpuReading): Origin => ({
  epoch,
  ...(powerField === undefined ? {} : { powerField }),
});

/** A span whose energy is billed to nobody; `estimate` says what it may have been. */
export const unbilled = (quality: EnergyQuality, estimate: MilliJoules): Measurement => ({
  energy: ZERO_ENERGY,
  quality,
  estimated: ZERO_ENERGY,
  unseen: estimate,
});
