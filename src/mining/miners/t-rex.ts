import { z } from "zod";
import { field, parseJson, parseWith, present, toPower, toRate, toTemperature, toUptime } from "./answer.ts";
import { parseCcminerSummary } from "./ccminer.ts";
import { type DualSheet, http, type MinerProgram, toUrl } from "./program.ts";
import type { MinerReading } from "./reading.ts";

const shares = z.looseObject({
  accepted_count: field.count,
  rejected_count: field.count,
  invalid_count: field.count.optional(),
});

const answer = z.looseObject({
  algorithm: field.text,
  version: field.text.optional(),
  uptime: field.count.optional(),
  hashrate: field.rate,
  accepted_count: field.count,
  rejected_count: field.count,
  invalid_count: field.count.optional(),
  paused: z.boolean().optional(),
  dual_stat: z
    .looseObject({
      algorithm: field.text.optional(),
      hashrate: field.rate,
      accepted_count: field.count.optional(),
      rejected_count: field.count.optional(),
    })
    .nullish(),
  gpus: field.devices(
    z.looseObject({
      gpu_id: field.count,
      pci_bus: field.count.optional(),
      hashrate: field.rate,
      power: field.rate.optional(),
      temperature: field.rate.optional(),
      paused: z.boolean().optional(),
      shares: shares.optional(),
    }),
  ),
});

/** Its plain `stratum` is EthProxy where a coin is mined in both. */
const WORDS = { "ethereum-stratum": "stratum2" } as const;

/** T-Rex, by its HTTP `/summary`; very old ones answer like ccminer. */
export const tRex: MinerProgram = {
  args: ({ algorithm, pools, dual, apiHost, apiPort, extra }) => [
    ...["-a", algorithm],
    ...pools.flatMap((pool) => ["-o", toUrl(pool, WORDS), "-u", pool.user, "-p", pool.password]),
    ...(dual === undefined ? [] : dualOf(dual)),
    ...["--api-bind-http", `${apiHost}:${apiPort}`, "--api-bind-telnet", "0", "--api-read-only"],
    ...["--no-watchdog", "--no-color", "-d", "0"],
    ...extra,
  ],
  questions: [http("/summary")],
  parse: ([text = ""]) => (text.startsWith("NAME=") ? parseCcminerSummary(text) : parseSummary(text)),
};

const dualOf = ({ algorithm, pool }: DualSheet): readonly string[] => [
  ...["--dual-algo", algorithm, "--url2", toUrl(pool, WORDS)],
  ...["--user2", pool.user, "--pass2", pool.password],
];

function parseSummary(text: string): MinerReading {
  const got = parseWith(answer, parseJson(text));
  const devices = got.gpus.map((gpu) => ({
    index: gpu.gpu_id,
    ...present({
      pciBus: gpu.pci_bus,
      hashrate: toRate(gpu.hashrate),
      power: toPower(gpu.power),
      temperatureC: toTemperature(gpu.temperature),
      accepted: gpu.shares?.accepted_count,
      rejected: gpu.shares?.rejected_count,
      invalid: gpu.shares?.invalid_count,
    }),
  }));
  const paused = got.paused ?? (got.gpus.some((gpu) => gpu.paused !== undefined) ? allPaused(got.gpus) : undefined);
  const run = {
    algorithm: got.algorithm,
    accepted: got.accepted_count,
    rejected: got.rejected_count,
    devices,
    ...present({ hashrate: toRate(got.hashrate), invalid: got.invalid_count }),
  };
  return {
    ...present({ version: got.version, uptime: toUptime(got.uptime), paused }),
    runs: [run, ...toSecond(got.dual_stat)],
  };
}

const toSecond = (stat: z.output<typeof answer>["dual_stat"]): MinerReading["runs"] =>
  stat === undefined || stat === null
    ? []
    : [
        {
          devices: [],
          ...present({
            algorithm: stat.algorithm,
            hashrate: toRate(stat.hashrate),
            accepted: stat.accepted_count,
            rejected: stat.rejected_count,
          }),
        },
      ];

const allPaused = (gpus: readonly { readonly paused?: boolean | undefined }[]): boolean =>
  gpus.every((gpu) => gpu.paused === true);
