import { z } from "zod";
import {
  field,
  parseJson,
  parseWith,
  present,
  sumOf,
  toPciBus,
  toPower,
  toRate,
  toTemperature,
  toUptime,
} from "./answer.ts";
import { type DualSheet, http, type MinerPool, type MinerProgram } from "./program.ts";
import type { MinerReading, MinerRun } from "./reading.ts";

const count = field.count.optional();
const device = z.looseObject({
  gpu_id: field.count,
  bus_id: field.text.optional(),
  speed: field.rate,
  speed2: field.rate.optional(),
  accepted_shares: count,
  rejected_shares: count,
  stale_shares: count,
  invalid_shares: count,
  accepted_shares2: count,
  rejected_shares2: count,
  stale_shares2: count,
  invalid_shares2: count,
  power_usage: field.rate.optional(),
  temperature: field.rate.optional(),
});

const answer = z.looseObject({
  miner: field.text.optional(),
  uptime: count,
  algorithm: field.text.optional(),
  algorithm2: field.text.optional(),
  total_accepted_shares: count,
  total_rejected_shares: count,
  devices: field.devices(device),
});

type Device = z.output<typeof device>;

const PROTOCOLS = { "ethereum-stratum": "stratum", "eth-proxy": "proxy" } as const;

/** GMiner, by its HTTP `/stat`; what belongs to a second coin carries a 2. */
export const gminer: MinerProgram = {
  args: ({ algorithm, pools, dual, apiPort, extra }) => [
    ...["--algo", algorithm],
    ...pools.flatMap((pool) => ["--server", pool.host, "--port", String(pool.port), ...loginOf(pool)]),
    ...(dual === undefined ? [] : dualOf(dual)),
    ...["--api", String(apiPort), "--watchdog", "0", "--color", "0", "--devices", "0"],
    ...extra,
  ],
  listensEverywhere: true,
  questions: [http("/stat")],
  parse: ([text = ""]) => {
    const got = parseWith(answer, parseJson(text));
    const first = toRun(got.devices, got.algorithm, toFirst);
    const totals = present({ accepted: got.total_accepted_shares, rejected: got.total_rejected_shares });
    const isDual = got.devices.some(({ speed2 }) => speed2 !== undefined);
    const runs: MinerReading["runs"] = [
      { ...totals, ...first },
      ...(isDual ? [toRun(got.devices, got.algorithm2, toSecond)] : []),
    ];
    return { ...present({ version: got.miner, uptime: toUptime(got.uptime) }), runs };
  },
};

const loginOf = ({ user, password, tls, dialect }: MinerPool) => [
  ...["--user", user, "--pass", password, "--ssl", tls ? "1" : "0"],
  ...(dialect === "ethereum-stratum" || dialect === "eth-proxy" ? ["--proto", PROTOCOLS[dialect]] : []),
];

const dualOf = ({ algorithm, pool }: DualSheet): readonly string[] => [
  ...["--dalgo", algorithm, "--dserver", pool.host, "--dport", String(pool.port)],
  ...["--duser", pool.user, "--dpass", pool.password, "--dssl", pool.tls ? "1" : "0"],
];

function toRun(
  devices: readonly Device[],
  algorithm: string | undefined,
  toDevice: (device: Device) => MinerRun["devices"][number],
): MinerRun {
  const read = devices.map(toDevice);
  const accepted = sumOf(read.map((one) => one.accepted));
  const rejected = sumOf(read.map((one) => one.rejected));
  const rate = toRate(sumOf(read.map((one) => one.hashrate)));
  return { ...present({ algorithm, accepted, rejected, hashrate: rate }), devices: read };
}

const toFirst = (one: Device): MinerRun["devices"][number] => ({
  index: one.gpu_id,
  ...present({
    pciBus: toPciBus(one.bus_id),
    hashrate: toRate(one.speed),
    accepted: one.accepted_shares,
    rejected: sumOf([one.rejected_shares, one.stale_shares]),
    invalid: one.invalid_shares,
    power: toPower(one.power_usage),
    temperatureC: toTemperature(one.temperature),
  }),
});

const toSecond = (one: Device): MinerRun["devices"][number] => ({
  index: one.gpu_id,
  ...present({
    pciBus: toPciBus(one.bus_id),
    hashrate: toRate(one.speed2),
    accepted: one.accepted_shares2,
    rejected: sumOf([one.rejected_shares2, one.stale_shares2]),
    invalid: one.invalid_shares2,
  }),
});
