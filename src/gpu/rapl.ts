import { join } from "node:path";
import type { Millis } from "../units/time.ts";
import { listNames, type MachineFiles, readCount, readText } from "./machine-files.ts";

/** No package draws more; a larger step than this allows means a reset. */
const MOST_WATTS_PER_PACKAGE = 700;
/** The counter moves in steps of about a millisecond, so two quick reads may see a step that is older than they are. */
const UPDATE_SLACK_MS = 50;

interface Package {
  readonly energyFile: string;
  /** The counter starts anew at 0 after this many microjoules. */
  readonly range: number;
}

type PackageMicroJoules = readonly number[];

/** The energy counters of all CPU packages of a machine, in microjoules. */
export interface RaplCounters {
  /** One value per package; undefined when one of them cannot be read now. */
  read(): PackageMicroJoules | undefined;
  /** Microjoules between two reads, each package's wrap allowed for; undefined after a reset or too long a gap. */
  between(before: PackageMicroJoules, after: PackageMicroJoules, length: Millis): number | undefined;
}

/**
 * Finds the counters. One unusable package makes all unusable: a sum without it would be too small and look exact.
 */
export function openRapl({ sys }: MachineFiles): RaplCounters | undefined {
  const folder = join(sys, "class/powercap");
  const names = listNames(folder).filter((name) => /^intel-rapl:\d+$/.test(name));
  // `psys` holds the whole board, the packages included.
  const zones = names.filter((name) => readText(folder, name, "name")?.startsWith("package"));
  const packages = zones.map((name): Package | undefined => {
    const range = readCount(folder, name, "max_energy_range_uj");
    return range ? { energyFile: join(folder, name, "energy_uj"), range } : undefined;
  });
  const usable = packages.filter((one) => one !== undefined);
  if (usable.length === 0 || usable.length < packages.length) return undefined;
  const counters = createCounters(usable);
  return counters.read() ? counters : undefined;
}

function createCounters(packages: readonly Package[]): RaplCounters {
  return {
    read: () => {
      const values = packages.map(({ energyFile }) => readCount(energyFile)).filter((value) => value !== undefined);
      return values.length === packages.length ? values : undefined;
    },
    between: (before, after, length) => {
      let sum = 0;
      for (const [i, { range }] of packages.entries()) {
        const step = stepOf(before[i], after[i], range);
        const most = MOST_WATTS_PER_PACKAGE * 1000 * (length + UPDATE_SLACK_MS);
        // Too far: it was reset. Not too far even with a whole range more: it may have wrapped twice.
        if (step === undefined || step > most || step + range <= most) return undefined;
        sum += step;
      }
      return sum;
    },
  };
}

function stepOf(before: number | undefined, after: number | undefined, range: number): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  return after >= before ? after - before : after + range - before;
}
