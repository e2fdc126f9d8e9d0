import { join } from "node:path";
import type { Millis } from "../units/time.ts";
import { isDenied, listNames, type MachineFiles, readCount, readText } from "./machine-files.ts";

/** No package draws more, and no platform; a larger step than this allows means a reset. */
const MOST_WATTS = { package: 700, psys: 2000 } as const;
/** The counter moves in steps of about a millisecond, so two quick reads may see a step that is older than they are. */
const UPDATE_SLACK_MS = 50;

interface Domain {
  readonly energyFile: string;
  /** The counter starts anew at 0 after this many microjoules. */
  readonly range: number;
  readonly mostWatts: number;
}

type DomainMicroJoules = readonly number[];

/** The energy counters of a processor's packages, or of the platform, in microjoules. */
export interface RaplCounters {
  /** One value per domain; undefined when one of them cannot be read now. */
  read(): DomainMicroJoules | undefined;
  /** Microjoules between two reads, each domain's wrap allowed for; undefined after a reset or too long a gap. */
  between(before: DomainMicroJoules, after: DomainMicroJoules, length: Millis): number | undefined;
}

/** Counters, or in words for the operator why there are none; `denied` when this user may not read them. */
export type RaplFinding =
  | { readonly kind: "found"; readonly counters: RaplCounters; readonly domains: readonly string[] }
  | { readonly kind: "absent" | "denied"; readonly reason: string };

/** The processor alone, all packages together. */
export const findPackageRapl = (files: MachineFiles): RaplFinding => findRapl(files, "package");

/** The whole platform where the processor counts it (`psys`), which holds the packages; else the packages. */
export function findHostRapl(files: MachineFiles): RaplFinding {
  const packages = findPackageRapl(files);
  const platform = findRapl(files, "psys");
  if (platform.kind !== "found" || packages.kind !== "found") return platform.kind === "found" ? platform : packages;
  const domains = [...platform.domains, ...packages.domains];
  return { kind: "found", counters: greaterOf(platform, packages), domains };
}

type Found = Extract<RaplFinding, { readonly kind: "found" }>;

/** Boards whose platform counter stands still, or counts less than the packages in it, are many. */
function greaterOf(platform: Found, packages: Found): RaplCounters {
  const split = platform.domains.length;
  return {
    read: () => {
      const [above, inner] = [platform.counters.read(), packages.counters.read()];
      return above && inner && [...above, ...inner];
    },
    between: (before, after, length) => {
      const inner = packages.counters.between(before.slice(split), after.slice(split), length);
      const above = platform.counters.between(before.slice(0, split), after.slice(0, split), length);
      return above === undefined || inner === undefined ? inner : Math.max(above, inner);
    },
  };
}

/** One unusable domain makes all unusable: a sum without it would be too small and look exact. */
function findRapl({ sys }: MachineFiles, kind: keyof typeof MOST_WATTS): RaplFinding {
  const folder = join(sys, "class/powercap");
  const zones = listNames(folder)
    .filter((zone) => /^intel-rapl:\d+$/.test(zone))
    .flatMap((zone) => {
      const name = readText(folder, zone, "name");
      return name?.startsWith(kind) ? [{ name, folder: join(folder, zone) }] : [];
    });
  if (zones.length === 0) return { kind: "absent", reason: "the processor shows no energy counter here" };
  const domains: Domain[] = [];
  for (const zone of zones) {
    const energyFile = join(zone.folder, "energy_uj");
    if (readCount(energyFile) === undefined) return unreadable(zone.name, energyFile);
    const range = readCount(zone.folder, "max_energy_range_uj");
    if (!range) return { kind: "absent", reason: `where the counter of ${zone.name} starts anew cannot be read` };
    domains.push({ energyFile, range, mostWatts: MOST_WATTS[kind] });
  }
  return { kind: "found", counters: createCounters(domains), domains: zones.map(({ name }) => name) };
}

function unreadable(name: string, energyFile: string): RaplFinding {
  return isDenied(energyFile)
    ? { kind: "denied", reason: `${energyFile} may not be read by this user` }
    : { kind: "absent", reason: `the counter of ${name} cannot be read` };
}

function createCounters(domains: readonly Domain[]): RaplCounters {
  return {
    read: () => {
      const values = domains.map(({ energyFile }) => readCount(energyFile)).filter((value) => value !== undefined);
      return values.length === domains.length ? values : undefined;
    },
    between: (before, after, length) => {
      let sum = 0;
      for (const [i, { range, mostWatts }] of domains.entries()) {
        const step = stepOf(before[i], after[i], range);
        const most = mostWatts * 1000 * (length + UPDATE_SLACK_MS);
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
