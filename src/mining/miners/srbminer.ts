import { z } from "zod";
import { field, parseJson, parseWith, present, toRate, toTemperature, toUptime } from "./answer.ts";
import { http, type MinerPool, type MinerProgram } from "./program.ts";

const answer = z.looseObject({
  miner_version: field.text.optional(),
  mining_time: field.count.optional(),
  gpu_devices: field
    .devices(z.looseObject({ id: field.count, bus_id: field.count.optional(), temperature: field.rate.optional() }))
    .default([]),
  algorithms: z
    .array(
      z.looseObject({
        name: field.text,
        shares: z.looseObject({ accepted: field.count, rejected: field.count }),
        /** `gpu0`, `gpu1`, … and `total`. */
        hashrate: z.looseObject({ gpu: z.record(z.string(), field.rate).optional() }),
      }),
    )
    .min(1)
    .max(4),
});

/** A login with a mark that parts pools or coins, or none at all, would send each pool its neighbour's. */
const isPlain = ({ user, password }: MinerPool): boolean => [user, password].every((word) => /^[^!;]+$/.test(word));

const listed = (pools: readonly MinerPool[], part: (pool: MinerPool) => string): string =>
  pools.filter(isPlain).map(part).join("!");

/** SRBMiner-MULTI, by its HTTP root. */
export const srbminer: MinerProgram = {
  args: ({ algorithm, pools, dual, apiPort, extra }) => {
    const coins = dual === undefined ? [pools] : [pools, [dual.pool]];
    const all = (part: (pool: MinerPool) => string) => coins.map((of) => listed(of, part)).join(";");
    return [
      ...["--algorithm", dual === undefined ? algorithm : `${algorithm};${dual.algorithm}`],
      ...["--pool", all(({ host, port }) => `${host}:${port}`)],
      ...["--wallet", all(({ user }) => user), "--password", all(({ password }) => password)],
      ...["--tls", all(({ tls }) => String(tls))],
      ...["--api-enable", "--api-port", String(apiPort), "--disable-cpu", "--gpu-id", coins.map(() => "0").join(";")],
      ...extra,
    ];
  },
  questions: [http("/")],
  parse: ([text = ""]) => {
    const got = parseWith(answer, parseJson(text));
    const runs = got.algorithms.map(({ name, shares, hashrate: { gpu = {} } }, order) => ({
      algorithm: name,
      accepted: shares.accepted,
      rejected: shares.rejected,
      ...present({ hashrate: toRate(gpu.total) }),
      devices: got.gpu_devices.map((device) => ({
        index: device.id,
        ...present({
          pciBus: device.bus_id,
          hashrate: toRate(gpu[`gpu${device.id}`]),
          temperatureC: order === 0 ? toTemperature(device.temperature) : undefined,
        }),
      })),
    }));
    return { ...present({ version: got.miner_version, uptime: toUptime(got.mining_time) }), runs };
  },
};
