import { z } from "zod";
import { field, parseJson, parseWith, present, toPciBus, toPower, toRate, toTemperature, toUptime } from "./answer.ts";
import { http, type MinerProgram, type MinerSheet, toAddress } from "./program.ts";
import type { MinerDevice } from "./reading.ts";

/** Over ten seconds, a minute, a quarter of an hour; null until there was so much time. */
const spans = z.array(field.rate.nullable()).min(1).max(3);
const health = z.looseObject({
  power: field.rate.optional(),
  temp: field.rate.optional(),
  temperature: field.rate.optional(),
});

const summary = z.looseObject({
  version: field.text,
  uptime: field.count.optional(),
  algo: field.text.nullish(),
  paused: z.boolean().optional(),
  hashrate: z.looseObject({ total: spans, threads: field.devices(spans).optional() }),
  results: z.looseObject({ shares_good: field.count, shares_total: field.count }),
  health: field.devices(health).optional(),
});

const backends = z
  .array(
    z.looseObject({
      type: field.text,
      enabled: z.boolean(),
      threads: field
        .devices(
          z.looseObject({
            index: field.count.optional(),
            hashrate: spans,
            "bus-id": field.text.optional(),
            bus_id: field.text.optional(),
            health: health.optional(),
          }),
        )
        .optional(),
    }),
  )
  .max(8);

const call = (method: string) =>
  ({
    kind: "http",
    path: "/json_rpc",
    method: "POST",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method }),
  }) as const;

/** XMRig from 2.4 and its kin (WildRig, xmr-stak), by HTTP; it pauses by JSON-RPC. */
export const xmrig: MinerProgram = {
  args: ({ algorithm, pools, extra, onProcessor, ...api }) => [
    ...["-a", algorithm],
    ...pools.flatMap(({ host, port, user, password, tls }) => [
      ...["-o", toAddress({ host, port }), "-u", user, "-p", password],
      ...(tls ? ["--tls"] : []),
    ]),
    ...apiOf(api),
    "--no-color",
    // Its processor backend is on and those of cards are off unless it is told otherwise.
    ...(onProcessor ? [] : ["--no-cpu", "--cuda", "--cuda-devices=0"]),
    ...extra,
  ],
  apiSettings: ({ apiHost: host, apiPort: port, apiToken }) =>
    JSON.stringify({
      // It would write its other settings beside them, and start anew at every change.
      ...{ autosave: false, watch: false },
      http: { enabled: true, host, port, "access-token": apiToken, restricted: false },
    }),
  questions: [http("/2/summary"), http("/2/backends")],
  parse: ([text = "", devices = ""]) => {
    const got = parseWith(summary, parseJson(text));
    const { shares_good: accepted, shares_total: total } = got.results;
    const run = {
      accepted,
      rejected: Math.max(0, total - accepted),
      devices: devices.trim() === "" ? toThreads(got) : toBackends(devices),
      ...present({ algorithm: got.algo ?? undefined, hashrate: toRate(freshest(got.hashrate.total)) }),
    };
    return { version: got.version, ...present({ uptime: toUptime(got.uptime), paused: got.paused }), runs: [run] };
  },
  pause: { pause: call("pause"), resume: call("resume") },
};

/** One argument of the API's would void the whole file. */
const apiOf = ({
  apiHost,
  apiPort,
  apiToken,
  apiFile,
}: Omit<MinerSheet, "algorithm" | "pools" | "extra" | "onProcessor">) =>
  apiFile !== undefined
    ? ["-c", apiFile]
    : [
        ...["--http-host", apiHost, "--http-port", String(apiPort), "--http-access-token", apiToken],
        "--http-no-restricted",
      ];

const freshest = (rates: readonly (number | null)[]): number | undefined => rates[0] ?? undefined;

/** Before 3.0 the summary lists the threads itself, and the cards' health beside them. */
const toThreads = ({ hashrate: { threads = [] }, health: cards = [] }: z.output<typeof summary>): MinerDevice[] =>
  threads.map((rates, index) => ({
    index,
    ...present({
      hashrate: toRate(freshest(rates)),
      power: toPower(cards[index]?.power),
      temperatureC: toTemperature(cards[index]?.temp),
    }),
  }));

function toBackends(text: string): MinerDevice[] {
  const threads = parseWith(backends, parseJson(text)).flatMap((one) => (one.enabled ? (one.threads ?? []) : []));
  return threads.map((thread, position) => ({
    index: thread.index ?? position,
    ...present({
      pciBus: toPciBus(thread["bus-id"] ?? thread.bus_id),
      hashrate: toRate(freshest(thread.hashrate)),
      power: toPower(thread.health?.power),
      temperatureC: toTemperature(thread.health?.temperature),
    }),
  }));
}
