import type { PowerField } from "../gpu/source.ts";
import { type Millis, millis } from "../units/time.ts";

/** How one power field of one card comes about: a mean over `window`, renewed every `update`. */
export interface PowerSensor {
  readonly window: Millis;
  readonly update: Millis;
}

/** What decides it; the same call changed meaning with the driver. */
export interface SensorFacts {
  readonly field: PowerField | undefined;
  readonly architecture?: string;
  readonly name?: string;
  readonly driverVersion?: string | undefined;
}

const sensor = (window: number, update: number): PowerSensor => ({ window: millis(window), update: millis(update) });

/** Power that comes from no driver's windowed field: taken as it is. */
const PLAIN = sensor(0, 0);
const SECOND_AVERAGE = sensor(1000, 100);
const TENTH = sensor(100, 100);
/** A quarter of the time is seen, three quarters are not. */
const QUARTER = sensor(25, 100);
const FAST = sensor(10, 20);
/** The branch whose plain field was not the one-second mean, on cards where it is before and after. */
const ODD_BRANCH = 530;

/** The sensor behind a reading; an unknown card is taken for one of today's GeForce. */
export function sensorOf({ field, architecture = "", name = "", driverVersion = "" }: SensorFacts): PowerSensor {
  if (field === undefined) return PLAIN;
  if (/volta|pascal/i.test(architecture)) return FAST;
  if (/turing|maxwell|kepler/i.test(architecture)) return TENTH;
  if (isGa100(architecture, name)) return QUARTER;
  if (field === "instant") return /hopper/i.test(architecture) ? QUARTER : TENTH;
  const isOdd =
    field === "draw" && /ampere|ada/i.test(architecture) && Number.parseInt(driverVersion, 10) === ODD_BRANCH;
  return isOdd ? TENTH : SECOND_AVERAGE;
}

/** The Ampere data-centre chip, which has a sensor of its own. */
const isGa100 = (architecture: string, name: string): boolean =>
  /ampere|^$/i.test(architecture) && /\bA(?:100|800|30)\b/i.test(name);

/** How much older than its reading the middle of what it measured is. */
export const shiftOf = ({ window, update }: PowerSensor): Millis => millis((window + update) / 2);

/** Whether the sensor looks at every moment. */
export const seesAll = ({ window, update }: PowerSensor): boolean => window >= update;

const GUARD_SLACK = 500;

/** How far a window's power spreads beyond its edges, read every `spacing`; 0 where power is taken as it is. */
export function guardOf({ window, update }: PowerSensor, spacing: Millis): Millis {
  return window === 0 ? millis(0) : millis(window + Math.max(update, spacing) + GUARD_SLACK);
}

/** A card never held against a wall meter, in percent. */
const USUAL_GAIN_PCT = 6;
const GEFORCE_TURING_GAIN_PCT = 13;

/** The gain error to expect of an uncalibrated card, in percent. */
export const usualGainPct = ({ architecture = "", name = "" }: Pick<SensorFacts, "architecture" | "name">): number =>
  /turing/i.test(architecture) && /geforce/i.test(name) ? GEFORCE_TURING_GAIN_PCT : USUAL_GAIN_PCT;
