import { z } from "zod";
import { field, parseJson, parseWith, present, sumOf, toPower, toRate, toTemperature, toUptime } from "./answer.ts";
import { type DualSheet, http, type MinerPool, type MinerProgram, toUrl } from "./program.ts";
import type { MinerReading } from "./reading.ts";

const counts = z.array(field.count).max(4).default([]);
const device = z.looseObject({
  hashrate: z.array(field.rate).max(4),
  valid_solutions: counts,
  rejected_solutions: counts,
  stale_solutions: counts,
  power: field.rate.optional(),
  core_temp: field.rate.optional(),
});
const answer = z.looseObject({
  bzminer_version: field.text.optional(),
  uptime_s: field.count.optional(),
  pools: z
    .array(z.looseObject({ algorithm: field.text }))
    .min(1)
    .max(4),
  devices: field.devices(device),
});

const WORDS = { "ethereum-stratum": "ethstratum", "eth-proxy": "ethproxy" } as const;

/** At a pool that wants another login, its shares would be nobody's. */
const omits = (pool: MinerPool, { user, password }: MinerPool): string | undefined =>
  pool.user === user && pool.password === password ? undefined : "it has one login for all its pools";

const dualOf = ({ algorithm, pool }: DualSheet): readonly string[] => [
  ...["--a2", algorithm, "--w2", pool.user, "--pool_password2", pool.password],
  ...["--p2", toUrl(pool, WORDS)],
];

/** BzMiner up to 24, by its HTTP `/status`: an entry per algorithm in every list. */
export const bzminer: MinerProgram = {
  args: ({ algorithm, pools, dual, apiHost, apiPort, extra }) => [
    ...["-a", algorithm, "-w", pools[0].user, "--pool_password", pools[0].password],
    ...["-p", ...pools.filter((pool) => omits(pool, pools[0]) === undefined).map((pool) => toUrl(pool, WORDS))],
    ...(dual === undefined ? [] : dualOf(dual)),
    ...["--http_enabled", "1", "--http_address", apiHost, "--http_port", String(apiPort)],
    ...["--no_watchdog", "--nc", "1", "--oc_enable", "0", "--amd", "0"],
    ...extra,
  ],
  omits,
  hasOneLogin: true,
  questions: [http("/status")],
  parse: ([text = ""]) => parseStatus(text),
};

/** BzMiner from 100 on, a new program with a login for each pool; one coin at a time. */
export const bzminer100: MinerProgram = {
  args: ({ algorithm, pools, apiHost, apiPort, extra }) => [
    ...["-a", algorithm],
    ...pools.flatMap((pool) => ["-p", toUrl(pool, WORDS), "-w", pool.user, "--pass", pool.password]),
    ...["--http_address", apiHost, "--http_port", String(apiPort), "--disable_udp"],
    ...["--no-watchdog", "--output", "log", "--no-color", "--amd", "0", "--intel", "0", "--cpu", "0"],
    ...extra,
  ],
  questions: [http("/status")],
  parse: ([text = ""]) => parseStatus(text),
};

function parseStatus(text: string): MinerReading {
  const got = parseWith(answer, parseJson(text));
  const runs = got.pools.map(({ algorithm }, at) => {
    const devices = got.devices.map((one, index) => ({
      index,
      ...present({
        hashrate: toRate(one.hashrate[at]),
        accepted: one.valid_solutions[at],
        rejected: sumOf([one.rejected_solutions[at], one.stale_solutions[at]]),
        power: at === 0 ? toPower(one.power) : undefined,
        temperatureC: at === 0 ? toTemperature(one.core_temp) : undefined,
      }),
    }));
    const accepted = sumOf(devices.map((one) => one.accepted));
    const rejected = sumOf(devices.map((one) => one.rejected));
    const total = toRate(sumOf(devices.map((one) => one.hashrate)));
    return { algorithm, devices, ...present({ accepted, rejected, hashrate: total }) };
  });
  return { ...present({ version: got.bzminer_version, uptime: toUptime(got.uptime_s) }), runs };
}
