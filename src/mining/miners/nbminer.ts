import { z } from "zod";
import { field, parseJson, parseWith, present, toPower, toRate, toTemperature } from "./answer.ts";
import { http, type MinerPool, type MinerProgram, toUrl } from "./program.ts";

const answer = z.looseObject({
  version: field.text.optional(),
  miner: z.looseObject({
    devices: field.devices(
      z.looseObject({
        id: field.count,
        pci_bus_id: field.count.optional(),
        hashrate_raw: field.rate.optional(),
        /** A number in old releases, text with a unit in new ones, which have `hashrate_raw` too. */
        hashrate: z.union([field.rate, field.text]).optional(),
        accepted_shares: field.count.optional(),
        rejected_shares: field.count.optional(),
        invalid_shares: field.count.optional(),
        power: field.rate.optional(),
        temperature: field.rate.optional(),
      }),
    ),
    total_hashrate_raw: field.rate,
  }),
  stratum: z.looseObject({
    algorithm: field.text.optional(),
    accepted_shares: field.count,
    rejected_shares: field.count,
    invalid_shares: field.count.optional(),
  }),
});

const WORDS = { "ethereum-stratum": "nicehash", "eth-proxy": "ethproxy" } as const;

const isPlain = ({ user }: MinerPool): boolean => !user.includes(":");

/** NBMiner, by its HTTP `/api/v1/status`. */
export const nbminer: MinerProgram = {
  args: ({ algorithm, pools, apiHost, apiPort, extra }) => [
    ...["-a", algorithm],
    ...pools.filter(isPlain).flatMap((pool, at) => {
      const suffix = at === 0 ? "" : String(at);
      return [`-o${suffix}`, toUrl(pool, WORDS), `-u${suffix}`, `${pool.user}:${pool.password}`];
    }),
    ...["--api", `${apiHost}:${apiPort}`, "--no-watchdog", "--no-color", "-d", "0"],
    ...extra,
  ],
  omits: (pool) => (isPlain(pool) ? undefined : "it takes what follows a colon in the user for the password"),
  questions: [http("/api/v1/status")],
  parse: ([text = ""]) => {
    const { version, miner, stratum } = parseWith(answer, parseJson(text));
    const devices = miner.devices.map((one) => ({
      index: one.id,
      ...present({
        pciBus: one.pci_bus_id,
        hashrate: toRate(one.hashrate_raw ?? (typeof one.hashrate === "number" ? one.hashrate : undefined)),
        accepted: one.accepted_shares,
        rejected: one.rejected_shares,
        invalid: one.invalid_shares,
        power: toPower(one.power),
        temperatureC: toTemperature(one.temperature),
      }),
    }));
    const run = {
      accepted: stratum.accepted_shares,
      rejected: stratum.rejected_shares,
      devices,
      ...present({
        algorithm: stratum.algorithm,
        hashrate: toRate(miner.total_hashrate_raw),
        invalid: stratum.invalid_shares,
      }),
    };
    return { ...present({ version }), runs: [run] };
  },
};
