/**
 * What the Stratum proxy costs: added latency of a share over a direct connection, and memory per connection.
 * Pool, proxy and miners are processes of their own. `node test/bench/stratum-proxy.ts [--connections N] [--shares N]`
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { startStratumProxy } from "../../src/mining/stratum/proxy.ts";
import { LineClient } from "../support/line-client.ts";
import { submitOf } from "../support/proxy-bench.ts";
import { ScriptedPool } from "../support/scripted-pool.ts";

const SELF = fileURLToPath(import.meta.url);
const BATCH = 50;

const { values } = parseArgs({
  options: {
    role: { type: "string", default: "miners" },
    pool: { type: "string", default: "" },
    connections: { type: "string", default: "1000" },
    shares: { type: "string", default: "5000" },
  },
});

async function runPool(): Promise<void> {
  const pool = await ScriptedPool.start();
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

/** Both ways in turns, so that a busy machine slows both alike. */
async function measureLatency(direct: LineClient, proxied: LineClient, shares: number) {
  const times = { direct: [] as number[], proxied: [] as number[] };
  let id = 1000;
  for (let done = 0; done < shares; done += BATCH) {
    for (let i = 0; i < BATCH; i++) times.direct.push(await timeShare(direct, id++));
    for (let i = 0; i < BATCH; i++) times.proxied.push(await timeShare(proxied, id++));
  }
  // The first shares warm up compilers and caches on all sides.
  const sorted = (list: number[]) => list.slice(BATCH * 4).sort((a, b) => a - b);
  return { direct: sorted(times.direct), proxied: sorted(times.proxied) };
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

async function runMiners(): Promise<void> {
  const pool = await startChild("--role", "pool");
  const proxy = await startChild("--role", "proxy", "--pool", `stratum+tcp://127.0.0.1:${pool.port}`);
  const [direct, proxied] = [await LineClient.open(pool.port), await LineClient.open(proxy.port)];
  await Promise.all([direct.login("rig.0"), proxied.login("rig.0")]);
  const latency = await measureLatency(direct, proxied, Number(values.shares));
  const connections = Number(values.connections);
  const memory = await measureMemory(proxy, connections);
  report(latency, memory, connections);
  for (const child of [pool, proxy]) child.process.kill();
  for (const client of [direct, proxied]) client.close();
}

function report(
  latency: { readonly direct: readonly number[]; readonly proxied: readonly number[] },
  memory: { readonly before: number; readonly after: number },
  connections: number,
): void {
  const round = (value: number) => Math.round(value * 1000) / 1000;
  const row = (list: readonly number[]) => ({ p50: round(percentile(list, 50)), p99: round(percentile(list, 99)) });
  const [direct, proxied] = [row(latency.direct), row(latency.proxied)];
  const result = {
    bench: "stratum-proxy",
    shares: latency.direct.length,
    directMs: direct,
    proxiedMs: proxied,
    addedMs: { p50: round(proxied.p50 - direct.p50), p99: round(proxied.p99 - direct.p99) },
    connections,
    rssBeforeMiB: Math.round(memory.before / 2 ** 20),
    rssAfterMiB: Math.round(memory.after / 2 ** 20),
    kibPerConnection: Math.round((memory.after - memory.before) / 1024 / connections),
  };
  console.log(JSON.stringify(result));
  console.table({ direct, proxied, added: result.addedMs });
  console.log(`${connections} connections: ${result.rssBeforeMiB} → ${result.rssAfterMiB} MiB resident`);
}

const ROLES: Readonly<Record<string, () => Promise<void>>> = { miners: runMiners, pool: runPool, proxy: runProxy };
await ROLES[values.role]?.();
