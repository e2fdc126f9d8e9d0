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
  last: number;
}

/** Minutes of a sensor read ten times a second; more only gathers where nothing is settled. */
const MOST_POINTS = 4096;

export function createPowerTrack(): PowerTrack {
  let points: PowerPoint[] = [];
  let smear = 0;
  let seen: Seen | undefined;
  return {
    push: (at, power, sensor) => {
      smear = sensor.window + sensor.update;
      if (seen?.power === power) {
        seen.last = at;
        return;
      }
      const shift = shiftOf(sensor);
      const last = points.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
      // The old value held until the sensor's last update before this one, as far as it was seen.
      const held = seen && { at: Math.min(seen.last, at - sensor.update) - shift, power: seen.power };
      const isHeld = held !== undefined && held.at > last;
      const next = { at: Math.max(at - shift, isHeld ? held.at : last), power };
      if (isHeld) points.push(held);
      points.push(next);
      if (points.length > MOST_POINTS) points = thinned(points);
      seen = { power, first: at, last: at };
    },
    get end() {
      const last = points.at(-1);
      return millis(last === undefined || seen === undefined ? 0 : last.at + seen.last - seen.first);
    },
    curve: () => createPowerCurve(points.slice(), smear),
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

/** The older half at half the detail. */
function thinned(points: readonly PowerPoint[]): PowerPoint[] {
  const half = points.length >> 1;
  return points.filter((_, index) => index >= half || index % 2 === 0);
}
