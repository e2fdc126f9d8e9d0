/**
 * What the Stratum proxy costs: added latency of a share over a direct connection, memory at many connections with
 * jobs as large as real ones, and what hostile lines do to it. Pool, proxy and miners are processes of their own.
 * `npm run bench:stratum -- [--connections N] [--shares N] [--hostile N]`
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { startStratumProxy } from "../../src/mining/stratum/proxy.ts";
import { DialectPool } from "../support/dialect-pool.ts";
import { playHostile } from "../support/hostile-lines.ts";
import { LineClient } from "../support/line-client.ts";
import { submitOf } from "../support/proxy-bench.ts";

const SELF = fileURLToPath(import.meta.url);
const BATCH = 50;
const WARM_UP = 2000;
const WAYS = ["direct", "relayed", "proxied"] as const;
type Way = (typeof WAYS)[number];
/** The sizes of a full block's job: 12 branches, a coinbase of half a kilobyte. */
const WORK = [
  "cd".repeat(32),
  "01".repeat(160),
  "02".repeat(260),
  Array.from({ length: 12 }, (_, i) => i.toString(16).padStart(2, "0").repeat(32)),
  "20000000",
  "1d00ffff",
  "68e5a000",
];
const SPARE_FILES = 100;
const TARGETS = { addedP99Ms: 1, rssMiB: 300 };
const note = (method: string, params: readonly unknown[]): string => JSON.stringify({ id: null, method, params });

const { values } = parseArgs({
  options: {
    role: { type: "string", default: "miners" },
    pool: { type: "string", default: "" },
    connections: { type: "string", default: "10000" },
    shares: { type: "string", default: "12000" },
    hostile: { type: "string", default: "1000000" },
  },
});

async function runPool(): Promise<void> {
  const job = (id: string) => note("mining.notify", [id, ...WORK, id === "j1"]);
  const pool = await DialectPool.start({
    loginLines: 3,
    welcome: [
      JSON.stringify({ id: 1, result: [[["mining.notify", "s1"]], "08000002", 4], error: null }),
      JSON.stringify({ id: 3, result: true, error: null }),
      JSON.stringify({ id: 2, result: true, error: null }),
      note("mining.set_difficulty", [512]),
      ...["j0", "j3", "j2", "j4", "j1"].map(job),
    ],
    answer: (line) => JSON.stringify({ id: (JSON.parse(line) as { id: number }).id, result: true, error: null }),
  });
  process.send?.({ port: pool.port });
}

async function runProxy(): Promise<void> {
  const proxy = await startStratumProxy({
    listen: { host: "127.0.0.1", port: 0 },
    pools: [{ url: values.pool, user: "wallet", password: "x" }],
    clock: systemClock,
    logger: silentLogger,
    onShare: () => {},
    onUpstream: () => {},
  });
  proxy.register("rig.0", "GPU-0");
  process.on("message", () => {
    globalThis.gc?.();
    process.send?.({ rss: residentBytes() });
  });
  process.send?.({ port: proxy.port });
}

/** The floor: what one more process on the way costs that only copies bytes. */
async function runRelay(): Promise<void> {
  const port = Number(new URL(values.pool).port);
  const server = createServer({ noDelay: true }, (miner) => {
    const pool = connect({ host: "127.0.0.1", port, noDelay: true });
    miner.pipe(pool).pipe(miner);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.({ port: (server.address() as AddressInfo).port });
}

function residentBytes(): number {
  const pages = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]);
  return pages * 4096;
}

interface Child {
  readonly process: ChildProcess;
  readonly port: number;
}

async function startChild(...args: string[]): Promise<Child> {
  const child = fork(SELF, args, { execArgv: ["--expose-gc"] });
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { process: child, port: message.port };
}

async function rssOf({ process: child }: Child): Promise<number> {
  const answered = once(child, "message") as Promise<[{ rss: number }]>;
  child.send("rss");
  return (await answered)[0].rss;
}

/** Milliseconds from submit to answer. */
async function timeShare(miner: LineClient, id: number): Promise<number> {
  const answered = miner.next((line) => line.id === id && line.method === undefined);
  const start = performance.now();
  miner.send(submitOf(id, "j1"));
  await answered;
  return performance.now() - start;
}

const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;

/** All ways in turns, so that a busy machine slows all alike. */
async function measureLatency(ways: Readonly<Record<Way, LineClient>>, shares: number) {
  const times: Record<Way, number[]> = { direct: [], relayed: [], proxied: [] };
  let id = 1000;
  for (let done = 0; done < shares; done += BATCH) {
    for (const way of WAYS) for (let i = 0; i < BATCH; i++) times[way].push(await timeShare(ways[way], id++));
  }
  // The first shares warm up compilers and caches on all sides.
  const sorted = (list: number[]) => list.slice(WARM_UP).sort((a, b) => a - b);
  return { direct: sorted(times.direct), relayed: sorted(times.relayed), proxied: sorted(times.proxied) };
}

async function measureMemory(proxy: Child, connections: number) {
  const before = await rssOf(proxy);
  const miners: LineClient[] = [];
  for (let i = 0; i < connections; i += BATCH) {
    const some = await Promise.all(Array.from({ length: BATCH }, () => LineClient.open(proxy.port)));
    await Promise.all(some.map((miner) => miner.login("rig.0")));
    miners.push(...some);
  }
  const after = await rssOf(proxy);
  for (const miner of miners) miner.close();
  return { before, after };
}

/** How many connections through the proxy fit under the limit of open files, which Node has raised as far as it may. */
function fitConnections(wanted: number): number {
  const open = Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);
  return Math.min(wanted, Math.floor((open - SPARE_FILES) / 2 / BATCH) * BATCH);
}

async function runMiners(): Promise<void> {
  const connections = fitConnections(Number(values.connections));
  const pool = await startChild("--role", "pool");
  const proxy = await startChild("--role", "proxy", "--pool", `stratum+tcp://127.0.0.1:${pool.port}`);
  const relay = await startChild("--role", "relay", "--pool", `stratum+tcp://127.0.0.1:${pool.port}`);
  const [direct, relayed, proxied] = [
    await LineClient.open(pool.port),
    await LineClient.open(relay.port),
    await LineClient.open(proxy.port),
  ];
  await Promise.all([direct, relayed, proxied].map((client) => client.login("rig.0")));
  const latency = await measureLatency({ direct, relayed, proxied }, Number(values.shares));
  const memory = await measureMemory(proxy, connections);
  const hostile = playHostile(Number(values.hostile), 1);
  report(latency, { ...memory, connections }, hostile);
  for (const child of [pool, relay, proxy]) child.process.kill();
  for (const client of [direct, relayed, proxied]) client.close();
}

function report(
  latency: Readonly<Record<Way, readonly number[]>>,
  memory: { readonly before: number; readonly after: number; readonly connections: number },
  hostile: ReturnType<typeof playHostile>,
): void {
  const { connections } = memory;
  const round = (value: number) => Math.round(value * 1000) / 1000;
  const row = (list: readonly number[]) => ({ p50: round(percentile(list, 50)), p99: round(percentile(list, 99)) });
  const [direct, relayed, proxied] = [row(latency.direct), row(latency.relayed), row(latency.proxied)];
  const over = (floor: typeof direct) => ({ p50: round(proxied.p50 - floor.p50), p99: round(proxied.p99 - floor.p99) });
  const result = {
    bench: "stratum",
    shares: latency.direct.length,
    directMs: direct,
    relayedMs: relayed,
    proxiedMs: proxied,
    addedMs: over(direct),
    addedOverRelayMs: over(relayed),
    connections,
    rssBeforeMiB: Math.round(memory.before / 2 ** 20),
    rssAfterMiB: Math.round(memory.after / 2 ** 20),
    kibPerConnection: Math.round((memory.after - memory.before) / 1024 / connections),
    hostile,
    targets: TARGETS,
  };
  console.log(JSON.stringify(result));
  console.table({ direct, relayed, proxied, added: result.addedMs, "added over a relay": result.addedOverRelayMs });
  console.log(
    `${connections} connections: ${result.rssBeforeMiB} → ${result.rssAfterMiB} MiB resident (target ${TARGETS.rssMiB})`,
  );
  const { lines, seconds, grownMiB } = hostile;
  console.log(`${lines} hostile lines in ${seconds} s, none threw; the heap grew by ${grownMiB} MiB`);
}

const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  miners: runMiners,
  pool: runPool,
  relay: runRelay,
  proxy: runProxy,
};
await ROLES[values.role]?.();
