import { z } from "zod";
import { field, parseJson, parseWith, present, sumOf, toRate, toTemperature, toUptime } from "./answer.ts";
import { type MinerPool, type MinerProgram, toUrl } from "./program.ts";
import type { MinerDevice } from "./reading.ts";

const UNITS = [
  ["HS", 1],
  ["KHS", 1e3],
  ["MHS", 1e6],
  ["GHS", 1e9],
  ["THS", 1e12],
] as const;

const device = z
  .object({
    GPU: field.count,
    Accepted: field.count,
    Rejected: field.count,
    "Hardware Errors": field.count.optional(),
    Temperature: field.rate.optional(),
    "Device Elapsed": field.count.optional(),
  })
  .catchall(z.unknown());
const devices = z.looseObject({
  STATUS: z
    .array(z.looseObject({ Description: field.text.optional() }))
    .max(8)
    .optional(),
  DEVS: field.devices(device),
});
const pools = z.looseObject({
  POOLS: z.array(z.looseObject({ Algorithm: field.text.optional() })).max(16),
});

/** TeamRedMiner and others with the API of sgminer: JSON over TCP, one answer per connection. */
export const teamRedMiner: MinerProgram = {
  args: ({ algorithm, pools: wanted, apiHost, apiPort, extra }) => [
    ...["-a", algorithm, ...stratumOf(wanted[0])],
    ...wanted.flatMap((pool) => ["-o", toUrl(pool), "-u", pool.user, "-p", pool.password]),
    ...[`--api_listen=${apiHost}:${apiPort}`, "--watchdog_disabled", "-d", "0"],
    ...extra,
  ],
  questions: [
    { kind: "tcp", text: '{"command":"devs"}' },
    { kind: "tcp", text: '{"command":"pools"}' },
  ],
  parse: ([text = "", poolsText = ""]) => {
    const got = parseWith(devices, parseJson(text));
    const read = got.DEVS.map(toDevice);
    const algorithm = poolsText.trim() === "" ? undefined : parseWith(pools, parseJson(poolsText)).POOLS[0]?.Algorithm;
    const run = {
      devices: read,
      ...present({
        algorithm,
        hashrate: toRate(sumOf(read.map((one) => one.hashrate))),
        accepted: sumOf(read.map((one) => one.accepted)),
        rejected: sumOf(read.map((one) => one.rejected)),
        invalid: sumOf(read.map((one) => one.invalid)),
      }),
    };
    const uptime = toUptime(got.DEVS[0]?.["Device Elapsed"]);
    return { ...present({ version: got.STATUS?.[0]?.Description, uptime }), runs: [run] };
  },
};

function stratumOf({ dialect }: MinerPool): readonly string[] {
  if (dialect === "ethereum-stratum") return ["--eth_stratum_mode=nicehash"];
  return dialect === "eth-proxy" ? ["--eth_stratum_mode=ethproxy"] : [];
}

const toDevice = (got: z.output<typeof device>): MinerDevice => ({
  index: got.GPU,
  accepted: got.Accepted,
  rejected: got.Rejected,
  ...present({
    hashrate: toRate(rateOf(got)),
    invalid: got["Hardware Errors"],
    temperatureC: toTemperature(got.Temperature),
  }),
});

/** The unit is part of the key and so is the span; the shortest span in the finest unit says most. */
function rateOf(got: Readonly<Record<string, unknown>>): number | undefined {
  for (const span of ["30s", "120s", "av"])
    for (const [unit, factor] of UNITS) {
      const parsed = field.rate.safeParse(got[`${unit} ${span}`]);
      if (parsed.success) return parsed.data * factor;
    }
  return undefined;
}
