import type { GpuReading } from "../gpu/source.ts";
import { type Millis, millis, seconds } from "../units/time.ts";

/** `held`: too early to say, nothing of it should be booked yet. */
export type FreezeVerdict = "alive" | "held" | "frozen";

/** Tells a power sensor that stopped measuring from a load that happens to be even. */
export interface FreezeWatch {
  /** `isBusy`: somebody works on the GPU, as far as its owner knows. */
  look(reading: GpuReading, isBusy: boolean): FreezeVerdict;
  /** Since when the value has not changed; undefined before the first. */
  readonly since: Millis | undefined;
}

/** A loaded sensor's last digit moves with every update or two. */
const FROZEN_AFTER = seconds(10);
/** Sensors that only know whole watts repeat themselves. */
const FROZEN_AFTER_COARSE = seconds(120);
/** Load that comes or goes must show in the power. */
const CHANGE_SHOWS_AFTER = seconds(3);
const LOADED_PCT = 20;
const CHANGED_PCT = 40;
/** A GPU that warms up draws more; one that cools down may rest at one value. */
const WARMED_CELSIUS = 5;

interface Run {
  readonly power: number;
  readonly since: Millis;
  readonly utilization: Range;
  readonly coolest: number;
  readonly warmed: number;
}

interface Range {
  readonly least: number;
  readonly most: number;
}

const NONE: Range = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY };

export function createFreezeWatch(): FreezeWatch {
  let run: Run | undefined;
  return {
    look: (reading, isBusy) => {
      const { power, powerField, monotonic } = reading;
      if (power === undefined || powerField === undefined) {
        run = undefined;
        return "alive";
      }
      const fresh = { power, since: monotonic, utilization: NONE, coolest: Number.POSITIVE_INFINITY, warmed: 0 };
      run = goOn(run?.power === power ? run : fresh, reading);
      return verdictOn(run, millis(monotonic - run.since), isBusy);
    },
    get since() {
      return run?.since;
    },
  };
}

function goOn(run: Run, { utilizationPercent, temperatureC }: GpuReading): Run {
  const coolest = Math.min(run.coolest, temperatureC ?? Number.POSITIVE_INFINITY);
  const warmed = temperatureC === undefined ? run.warmed : Math.max(run.warmed, temperatureC - coolest);
  return { ...run, utilization: widen(run.utilization, utilizationPercent), coolest, warmed };
}

function verdictOn({ power, utilization, warmed }: Run, length: Millis, isBusy: boolean): FreezeVerdict {
  const hasChanged = spread(utilization) >= CHANGED_PCT || warmed >= WARMED_CELSIUS;
  const isLoaded = utilization === NONE ? isBusy : utilization.most >= LOADED_PCT;
  const limit = Number.isInteger(power) ? FROZEN_AFTER_COARSE : FROZEN_AFTER;
  if (length >= CHANGE_SHOWS_AFTER && hasChanged && !Number.isInteger(power)) return "frozen";
  if (!isLoaded) return "alive";
  if (length >= limit) return "frozen";
  return Number.isInteger(power) ? "alive" : "held";
}

const spread = ({ least, most }: Range): number => Math.max(0, most - least);
const widen = (range: Range, value: number | undefined): Range =>
  value === undefined ? range : { least: Math.min(range.least, value), most: Math.max(range.most, value) };
