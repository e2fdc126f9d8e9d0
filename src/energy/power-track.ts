import type { Watts } from "../units/energy.ts";
import { type Millis, millis } from "../units/time.ts";
import { createPowerCurve, type PowerCurve, type PowerPoint } from "./power-curve.ts";
import { type PowerSensor, shiftOf } from "./sensor.ts";

/** Collects what a power sensor says, moved to when it was measured. Owned by one intake. */
export interface PowerTrack {
  /** Adds what was read at `at`; a value that was seen before counts from when it was first seen. */
  push(at: Millis, power: Watts, sensor: PowerSensor): void;
  /** Up to where power is known. */
  readonly end: Millis;
  /** What is known now; later samples do not change it. */
  curve(): PowerCurve;
  forget(before: Millis): void;
  clear(): void;
}

interface Seen {
  readonly power: number;
  readonly first: number;
  readonly last: number;
}

export function createPowerTrack(): PowerTrack {
  let points: readonly PowerPoint[] = [];
  let smear = 0;
  let seen: Seen | undefined;
  return {
    push: (at, power, sensor) => {
      smear = sensor.window + sensor.update;
      if (seen?.power === power) {
        seen = { ...seen, last: at };
        return;
      }
      const shift = shiftOf(sensor);
      const last = points.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
      // The old value held until the sensor's last update before this one, as far as it was seen.
      const held = seen && { at: Math.min(seen.last, at - sensor.update) - shift, power: seen.power };
      const isHeld = held !== undefined && held.at > last;
      const next = { at: Math.max(at - shift, isHeld ? held.at : last), power };
      points = [...points, ...(isHeld ? [held] : []), next];
      seen = { power, first: at, last: at };
    },
    get end() {
      const last = points.at(-1);
      return millis(last === undefined || seen === undefined ? 0 : last.at + seen.last - seen.first);
    },
    curve: () => createPowerCurve(points, smear),
    forget: (before) => {
      const keep = points.findLastIndex((point) => point.at <= before);
      if (keep > 0) points = points.slice(keep);
    },
    clear: () => {
      points = [];
      seen = undefined;
    },
  };
}
