import { getPriority } from "node:os";
import { beforeAll, describe, expect } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { askMiner, readMiner } from "../../../src/mining/miners/api.ts";
import { cuda } from "../../../src/mining/miners/cuda.ts";
import type { MinerSheet } from "../../../src/mining/miners/program.ts";
import { startDevpool } from "../../../src/mining/reference/devpool.ts";
import { fetchMinerStats, pauseMiner, resumeMiner } from "../../../src/mining/reference/miner-api.ts";
import { seconds } from "../../../src/units/time.ts";
import { buildCudaMiner, CudaMiner, NVCC } from "../../support/cuda-miner.ts";
import { ProxyBench } from "../../support/proxy-bench.ts";
import { testWith } from "../../support/requirement.ts";

const signal = new AbortController().signal;
const NOWHERE = "stratum+tcp://127.0.0.1:1";

beforeAll(async () => {
  if (NVCC.present()) await buildCudaMiner();
}, 300_000);

async function openPool() {
  const pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger });
  return {
    url: pool.url,
    stats: () => pool.stats(),
    close: () => pool.close(),
    [Symbol.asyncDispose]: pool.close.bind(pool),
  };
}

const through = ({ proxy }: ProxyBench) => `stratum+tcp://127.0.0.1:${proxy.port}`;
const base = ({ address }: CudaMiner) => `http://${address.host}:${address.port}`;

describe("the CUDA miner's algorithm, run on the processor", () => {
  testWith(NVCC, "finds known blocks and every share among many nonces, and nothing else", async () => {
    await using miner = await CudaMiner.run("--selftest", "--device", "cpu");
    expect(await miner.exited).toBe(0);
    const lines = miner.stdout.trimEnd().split("\n");
    expect(JSON.parse(lines.pop() ?? "")).toEqual({ event: "selftest", device: "cpu", ok: true });
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/^ok /);
  });
});

describe("the CUDA miner, through the proxy to the pool", () => {
  testWith(NVCC, "says what it is for, and has shares accepted that the proxy verifies", async () => {
    await using pool = await openPool();
    await using bench = await ProxyBench.start([pool]);
    await using miner = await CudaMiner.start(through(bench), "--nice", "10");
    expect(await miner.announced()).toEqual({
      event: "listening",
      host: "127.0.0.1",
      port: expect.any(Number),
      device: "cpu",
      threads: 1,
    });
    expect(miner.stderr).toContain("not for earning");
    await bench.until(({ shares }) => shares.length >= 2);
    for (const share of bench.shares)
      expect(share).toMatchObject({ gpu: "GPU-0", worker: "rig.0", verdict: "accepted", verified: true });
    // It measured itself: its shares are worth about three seconds each, never a flood.
    expect(bench.shares[0]?.expectedHashes).toBeGreaterThan(100_000);
    expect(getPriority(miner.child.pid)).toBe(10);
  });

  testWith(NVCC, "is started and read by its adapter, and leaves out pools that speak TLS", async () => {
    await using pool = await openPool();
    await using bench = await ProxyBench.start([pool]);
    const common = { tls: false, dialect: "bitcoin-v1" as const, user: "rig.0", password: "x" };
    const sheet: MinerSheet = {
      algorithm: "sha256d",
      pools: [
        { ...common, host: "127.0.0.1", port: bench.proxy.port },
        { ...common, host: "pool.example", port: 4444, tls: true },
      ],
      apiPort: 0,
      apiHost: "127.0.0.1",
      apiToken: "",
      extra: ["--device", "cpu"],
    };
    await using miner = await CudaMiner.run(...cuda.args(sheet));
    await miner.announced();
    expect(miner.stderr).toContain("left out: stratum+ssl://pool.example:4444");
    await bench.share();
    await systemClock.wait(seconds(1), signal);
    const { paused, uptime, runs } = await readMiner(cuda, miner.address, signal);
    expect({ paused, uptime: Number(uptime) > 0 }).toEqual({ paused: false, uptime: true });
    expect(runs).toEqual([
      {
        algorithm: "sha256d",
        accepted: expect.any(Number),
        rejected: 0,
        hashrate: expect.any(Number),
        devices: [{ index: 0, hashrate: runs[0]?.hashrate }],
      },
    ]);
    expect(runs[0]?.hashrate).toBeGreaterThan(10_000);
  });

  testWith(NVCC, "stays with the proxy when its pool dies, and comes back when the proxy was away", async () => {
    await using pool = await openPool();
    await using backup = await openPool();
    const first = await ProxyBench.start([pool, backup]);
    const { port } = first.proxy;
    await using miner = await CudaMiner.start(through(first));
    await first.share();
    await pool.close();
    await first.until(({ shares }) => shares.some((one) => one.pool === backup.url && one.verdict === "accepted"));
    expect(miner.stderr).not.toContain("pool connection lost");
    await first[Symbol.asyncDispose]();
    await using second = await ProxyBench.start([backup], { listen: { host: "127.0.0.1", port } });
    expect(await second.share()).toMatchObject({ verdict: "accepted", verified: true });
    expect(miner.stderr).toContain("pool connection lost");
  });

  testWith(NVCC, "mines at the next pool while the first does not answer", async () => {
    await using pool = await openPool();
    await using miner = await CudaMiner.start(NOWHERE, "--pool", pool.url, "--user", "rig.1");
    await expect.poll(() => pool.stats().sharesAccepted).toBeGreaterThan(0);
    expect((await fetchMinerStats(base(miner), signal)).pool).toEqual({ url: pool.url, connected: true });
  });
});

describe("a pause of the CUDA miner", () => {
  testWith(NVCC, "stops all hashing before it answers and keeps the session; resume hashes again", async () => {
    await using pool = await openPool();
    await using bench = await ProxyBench.start([pool]);
    await using miner = await CudaMiner.start(through(bench));
    await bench.share();
    const { pause } = cuda;
    if (pause === undefined) throw new Error("the CUDA miner can pause");
    const started = performance.now();
    await askMiner(pause.pause, miner.address, signal);
    expect(performance.now() - started, "milliseconds until it rests").toBeLessThan(2000);
    const before = miner.cpuSeconds;
    const shares = bench.shares.length;
    expect(await readMiner(cuda, miner.address, signal)).toMatchObject({ paused: true, runs: [{ hashrate: 0 }] });
    expect((await fetchMinerStats(base(miner), signal)).pool.connected).toBe(true);
    // A second of real time, because CPU time is what is measured.
    await systemClock.wait(seconds(1), signal);
    expect(miner.cpuSeconds - before, "CPU seconds while paused").toBeLessThan(0.2);
    expect(pool.stats().connections).toBe(1);
    await askMiner(pause.resume, miner.address, signal);
    await bench.until((one) => one.shares.length > shares + 1);
    expect(bench.shares.at(-1)).toMatchObject({ verdict: "accepted", verified: true });
    expect((await readMiner(cuda, miner.address, signal)).paused).toBe(false);
  });

  testWith(NVCC, "from the start means no hash at all until the first resume", async () => {
    await using pool = await openPool();
    await using bench = await ProxyBench.start([pool]);
    await using miner = await CudaMiner.start(through(bench), "--start-paused");
    await bench.until(({ states }) => states.at(-1)?.state === "connected");
    expect(await fetchMinerStats(base(miner), signal)).toMatchObject({ paused: true, acceptedShares: 0 });
    expect(miner.cpuSeconds).toBeLessThan(0.2);
    await resumeMiner(base(miner), signal);
    expect(await bench.share()).toMatchObject({ verdict: "accepted" });
  });

  testWith(NVCC, "twice is as good as once", async () => {
    await using miner = await CudaMiner.start(NOWHERE);
    await Promise.all([pauseMiner(base(miner), signal), pauseMiner(base(miner), signal)]);
    expect((await fetchMinerStats(base(miner), signal)).paused).toBe(true);
    await Promise.all([resumeMiner(base(miner), signal), resumeMiner(base(miner), signal)]);
    expect((await fetchMinerStats(base(miner), signal)).paused).toBe(false);
  });
});
