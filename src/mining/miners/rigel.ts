import { z } from "zod";
import { field, parseJson, parseWith, present, toPciBus, toPower, toRate, toTemperature, toUptime } from "./answer.ts";
import { http, type MinerPool, type MinerProgram, toUrl } from "./program.ts";

const rates = z.record(field.text, field.rate.nullable());
const solutions = z.record(
  field.text,
  z.looseObject({ accepted: field.count, rejected: field.count, invalid: field.count.optional() }),
);

const answer = z.looseObject({
  version: field.text.optional(),
  algorithm: field.text,
  uptime: field.count.optional(),
  hashrate: rates,
  solution_stat: solutions.optional(),
  devices: field.devices(
    z.looseObject({
      id: field.count,
      selected: z.boolean().default(true),
      pci_address: field.text.optional(),
      hashrate: rates.nullish(),
      solution_stat: solutions.nullish(),
      monitoring_info: z
        .looseObject({ power_usage: field.rate.nullish(), core_temperature: field.rate.nullish() })
        .nullish(),
    }),
  ),
});

const WORDS = { "ethereum-stratum": "ethstratum", "eth-proxy": "ethproxy" } as const;

/** `of` says of which of two coins. */
const poolArgs = (pool: MinerPool, of: "" | "[1]" | "[2]"): readonly string[] => [
  ...["-o", `${of}${toUrl(pool, WORDS)}`],
  ...["-u", `${of}${pool.user}`, "-p", `${of}${pool.password}`],
];

/** Rigel, by its HTTP `/stat`: one key per algorithm, `a+b` when it mines two. */
export const rigel: MinerProgram = {
  args: ({ algorithm, pools, dual, apiHost, apiPort, extra }) => [
    ...["-a", dual === undefined ? algorithm : `${algorithm}+${dual.algorithm}`],
    ...pools.flatMap((pool) => poolArgs(pool, dual === undefined ? "" : "[1]")),
    ...(dual === undefined ? [] : poolArgs(dual.pool, "[2]")),
    ...["--api-bind", `${apiHost}:${apiPort}`, "--no-watchdog", "-d", "0"],
    ...extra,
  ],
  questions: [http("/stat")],
  parse: ([text = ""]) => {
    const got = parseWith(answer, parseJson(text));
    const runs = got.algorithm.split("+").map((algorithm, order) => ({
      algorithm,
      ...present({
        hashrate: toRate(got.hashrate[algorithm]),
        accepted: got.solution_stat?.[algorithm]?.accepted,
        rejected: got.solution_stat?.[algorithm]?.rejected,
        invalid: got.solution_stat?.[algorithm]?.invalid,
      }),
      devices: got.devices
        .filter(({ selected }) => selected)
        .map((device) => ({
          index: device.id,
          ...present({
            pciBus: toPciBus(device.pci_address),
            hashrate: toRate(device.hashrate?.[algorithm]),
            accepted: device.solution_stat?.[algorithm]?.accepted,
            rejected: device.solution_stat?.[algorithm]?.rejected,
            invalid: device.solution_stat?.[algorithm]?.invalid,
            power: order === 0 ? toPower(device.monitoring_info?.power_usage ?? undefined) : undefined,
            temperatureC:
              order === 0 ? toTemperature(device.monitoring_info?.core_temperature ?? undefined) : undefined,
          }),
        })),
    }));
    return { ...present({ version: got.version, uptime: toUptime(got.uptime) }), runs };
  },
};
