import { z } from "zod";
import { type MinerFacts, sumShares, toHashrates } from "./miner-facts.ts";

const MMPOS_UNITS = ["hs", "khs", "mhs", "ghs", "ths"] as const;

/** What mmpOS reads from a miner at `/mmpos`. */
export interface MmposView {
  /** PCI bus, decimal; `cpu` for a processor. */
  readonly busid: readonly (number | "cpu")[];
  readonly hash: readonly number[];
  readonly units: (typeof MMPOS_UNITS)[number];
  /** Accepted, invalid, rejected: not the order of Hive OS. */
  readonly air: readonly [string, string, string];
  readonly shares: {
    readonly accepted: readonly number[];
    readonly rejected: readonly number[];
    readonly invalid: readonly number[];
  };
  readonly miner_name: "rigshift";
  readonly miner_version: string;
}

export function toMmposView({ version, devices }: MinerFacts): MmposView {
  const { unit, hashrates } = toHashrates(devices, MMPOS_UNITS);
  const { accepted, rejected, invalid } = sumShares(devices);
  return {
    busid: devices.map(({ pciBus }) => pciBus ?? "cpu"),
    hash: hashrates,
    units: unit,
    air: [`${accepted}`, `${invalid}`, `${rejected}`],
    shares: {
      accepted: devices.map(({ shares }) => shares.accepted),
      rejected: devices.map(({ shares }) => shares.rejected),
      invalid: devices.map(({ shares }) => shares.invalid),
    },
    miner_name: "rigshift",
    miner_version: version,
  };
}

const counts = z.array(z.int().min(0));

export const mmposSchema: z.ZodType<MmposView> = z.strictObject({
  busid: z.array(z.union([z.int(), z.literal("cpu")])),
  hash: z.array(z.number().min(0)),
  units: z.enum(MMPOS_UNITS),
  air: z.tuple([z.string(), z.string(), z.string()]).describe("Accepted, invalid, rejected."),
  shares: z.strictObject({ accepted: counts, rejected: counts, invalid: counts }),
  miner_name: z.literal("rigshift"),
  miner_version: z.string(),
});
