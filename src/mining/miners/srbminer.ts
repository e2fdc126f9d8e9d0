import { z } from "zod";
import { field, parseJson, parseWith, present, toRate, toTemperature, toUptime } from "./answer.ts";
import { http, type MinerPool, type MinerProgram, toAddress } from "./program.ts";

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

/** Its users have no escape for the marks that part pools and coins; its passwords have, but for an end in `#`. */
function omits({ user, password }: MinerPool): string | undefined {
  if (/[,;]/.test(user)) return "it takes a user apart at every comma and semicolon";
  if (user === "" || password === "" || password.endsWith("#")) return "it cannot be told that login among several";
  return undefined;
}

const escaped = (password: string): string => password.replaceAll(/[;!]/g, "#$&");

const STRATUM_MODES = { "ethereum-stratum": "1", "eth-proxy": "0" } as const;

/** Undefined where there is but one way to talk. */
const modeOf = ({ dialect }: MinerPool): string | undefined =>
  dialect === "ethereum-stratum" || dialect === "eth-proxy" ? STRATUM_MODES[dialect] : undefined;

/** SRBMiner-MULTI from 2.3.2 on, by its HTTP root. Pools are parted by a comma, their passwords by `!`, coins by `;`. */
export const srbminer: MinerProgram = {
  args: ({ algorithm, pools, dual, apiPort, onProcessor, extra }) => {
    const known = pools.filter((pool) => omits(pool) === undefined);
    const coins = dual === undefined ? [known] : [known, [dual.pool]];
    const all = (part: (pool: MinerPool) => string, mark = ",") => coins.map((of) => of.map(part).join(mark)).join(";");
    const hasModes = coins.flat().some((pool) => modeOf(pool) !== undefined);
    return [
      ...["--algorithm", dual === undefined ? algorithm : `${algorithm};${dual.algorithm}`],
      ...["--pool", all(toAddress), "--wallet", all(({ user }) => user)],
      ...["--password", all(({ password }) => escaped(password), "!"), "--tls", all(({ tls }) => String(tls))],
      ...(hasModes ? ["--esm", all((pool) => modeOf(pool) ?? "0")] : []),
      ...["--api-enable", "--api-port", String(apiPort)],
      ...(onProcessor ? ["--disable-gpu"] : ["--disable-cpu", "--gpu-id", coins.map(() => "0").join(";")]),
      ...extra,
    ];
  },
  omits,
  listensEverywhere: true,
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
