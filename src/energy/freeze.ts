import type { GpuReading } from "../gpu/source.ts";
import { type Millis, seconds } from "../units/time.ts";

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
  /** When the load or the heat was first seen to have changed. */
  readonly changed: Millis | undefined;
}

interface Range {
  readonly least: number;
  readonly most: number;
}

const NONE: Range = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY };

const FRESH = { utilization: NONE, coolest: Number.POSITIVE_INFINITY, warmed: 0, changed: undefined };

export function createFreezeWatch(): FreezeWatch {
  let run: Run | undefined;
  return {
    look: (reading, isBusy) => {
      const { power, powerField, monotonic } = reading;
      if (power === undefined || powerField === undefined) {
        run = undefined;
        return "alive";
      }
      run = goOn(run?.power === power ? run : { ...FRESH, power, since: monotonic }, reading);
      return verdictOn(run, monotonic, isBusy);
    },
    get since() {
      return run?.since;
    },
  };
}

function goOn(run: Run, { utilizationPercent, temperatureC, monotonic }: GpuReading): Run {
  const utilization = widen(run.utilization, utilizationPercent);
  const coolest = Math.min(run.coolest, temperatureC ?? Number.POSITIVE_INFINITY);
  const warmed = temperatureC === undefined ? run.warmed : Math.max(run.warmed, temperatureC - coolest);
  const hasWarmed = warmed >= WARMED_CELSIUS && !Number.isInteger(run.power);
  const hasChanged = spread(utilization) >= CHANGED_PCT || hasWarmed;
  return { ...run, utilization, coolest, warmed, changed: run.changed ?? (hasChanged ? monotonic : undefined) };
}

/** A sensor that only knows whole watts repeats itself under an even load: only load that came or went tells. */
function verdictOn({ power, since, utilization, changed }: Run, now: Millis, isBusy: boolean): FreezeVerdict {
  if (changed !== undefined && now - changed >= CHANGE_SHOWS_AFTER) return "frozen";
  const isLoaded = utilization === NONE ? isBusy : utilization.most >= LOADED_PCT;
  if (changed === undefined && (!isLoaded || Number.isInteger(power))) return "alive";
  return now - since >= FROZEN_AFTER && changed === undefined ? "frozen" : "held";
}

const spread = ({ least, most }: Range): number => Math.max(0, most - least);
const widen = (range: Range, value: number | undefined): Range =>
  value === undefined ? range : { least: Math.min(range.least, value), most: Math.max(range.most, value) };
