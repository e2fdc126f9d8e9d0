import { z } from "zod";
import { type DeviceFacts, type MinerFacts, sumShares, toHashrates } from "./miner-facts.ts";

/** What Hive OS knows by these names; `ths` it reads as thousands. */
const HIVE_UNITS = ["hs", "khs", "mhs", "ghs"] as const;

/** Hive OS takes anything above for nonsense and shows 0, which its watchdog reboots for. */
const GREATEST_KHS = 999_999_999;

/** The `$stats` of a Hive OS miner. */
export interface HiveStats {
  readonly hs: readonly number[];
  readonly hs_units: (typeof HIVE_UNITS)[number];
  /** Degrees Celsius. */
  readonly temp: readonly (number | null)[];
  /** Percent. */
  readonly fan: readonly (number | null)[];
  /** Seconds. */
  readonly uptime: number;
  readonly ver: string;
  readonly algo: string | null;
  /** Accepted, rejected, invalid, and the last per GPU. */
  readonly ar: readonly [number, number, number, string];
  /** Decimal; null for a processor. */
  readonly bus_numbers: readonly (number | null)[];
}

/** What `h-stats.sh` hands to Hive OS. */
export interface HiveView {
  /** Total of the GPUs that hash, in kH/s. */
  readonly khs: number;
  /** `pause` while a GPU does not hash on purpose: Hive OS would take its hashrate for that of a dead miner. */
  readonly watchdog: "watch" | "pause";
  readonly stats: HiveStats;
}

export function toHiveView({ version, uptimeS, algorithm, devices }: MinerFacts): HiveView {
  const { unit, hashrates } = toHashrates(devices, HIVE_UNITS);
  const { accepted, rejected, invalid } = sumShares(devices);
  const hashes = devices.reduce((sum, { hashrate }) => sum + (hashrate ?? 0), 0);
  return {
    khs: Math.min(Number((hashes / 1000).toFixed(6)), GREATEST_KHS),
    watchdog: devices.some(isElsewhere) ? "pause" : "watch",
    stats: {
      hs: hashrates,
      hs_units: unit,
      temp: devices.map(({ temperatureC }) => temperatureC ?? null),
      fan: devices.map(({ fanPercent }) => fanPercent ?? null),
      uptime: uptimeS,
      ver: `${version}${servingOf(devices)}`,
      algo: algorithm ?? null,
      ar: [accepted, rejected, invalid, devices.map(({ shares }) => shares.invalid).join(";")],
      bus_numbers: devices.map(({ pciBus }) => pciBus ?? null),
    },
  };
}

/** Serving, lent out or resting; a GPU that fell ill is the watchdog's to notice. */
const isElsewhere = ({ workload, state }: DeviceFacts): boolean => workload !== "hashing" && state !== "faulted";

/** Hive OS has no field for other work than hashing, and shows the version beside the miner's name. */
function servingOf(devices: readonly DeviceFacts[]): string {
  const serving = devices.filter(({ workload }) => workload === "inference").length;
  return serving === 0 ? "" : `, ${serving} of ${devices.length} serve AI`;
}

const amounts = z.array(z.number().min(0));
const readings = z.array(z.number().nullable());

export const hiveSchema: z.ZodType<HiveView> = z.strictObject({
  khs: z.number().min(0).describe("Total of the GPUs that hash, in kH/s."),
  watchdog: z.enum(["watch", "pause"]).describe("pause while a GPU does not hash on purpose."),
  stats: z.strictObject({
    hs: amounts,
    hs_units: z.enum(HIVE_UNITS),
    temp: readings,
    fan: readings,
    uptime: z.int().min(0),
    ver: z.string(),
    algo: z.string().nullable(),
    ar: z.tuple([z.int(), z.int(), z.int(), z.string()]).describe("Accepted, rejected, invalid, invalid per GPU."),
    bus_numbers: readings.describe("Decimal."),
  }),
});
