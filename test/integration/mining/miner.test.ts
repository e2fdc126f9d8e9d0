import { getPriority } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { type Devpool, startDevpool } from "../../../src/mining/reference/devpool.ts";
import { fetchMinerStats, pauseMiner, resumeMiner } from "../../../src/mining/reference/miner-api.ts";
import { seconds } from "../../../src/units/time.ts";
import { MinerProcess } from "../../support/miner-process.ts";
import { ProxyBench } from "../../support/proxy-bench.ts";

const signal = new AbortController().signal;
let pool: Devpool;

beforeEach(async () => {
  pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger });
});
afterEach(async () => {
  await pool.close();
});

const through = ({ proxy }: ProxyBench) => `stratum+tcp://127.0.0.1:${proxy.port}`;

describe("the miner process, through the proxy to the pool", () => {
  test("has real shares accepted, which the proxy verifies and books for the GPU", async () => {
    await using bench = await ProxyBench.start([pool]);
    await using miner = await MinerProcess.start(through(bench));
    expect(JSON.parse(miner.stdout)).toEqual({
      event: "listening",
      host: "127.0.0.1",
      port: expect.any(Number),
      threads: 1,
    });
    await bench.until(({ shares }) => shares.length >= 3);
    for (const share of bench.shares)
      expect(share).toMatchObject({
        gpu: "GPU-0",
        worker: "rig.0",
        verdict: "accepted",
        verified: true,
        pool: pool.url,
      });
    const [share] = bench.shares;
    // The miner measured itself: its shares are worth about three seconds each, never a flood.
    expect(share?.expectedHashes).toBeGreaterThan(100_000);
    expect(share?.expectedHashes).toBe(Math.round(Number(share?.difficulty) * 2 ** 32));
    expect(pool.stats().sharesAccepted).toBeGreaterThanOrEqual(3);
    expect(getPriority(miner.child.pid)).toBe(10);
  });

  test("stays with the proxy when its pool dies, and works for the next one", async () => {
    const backup = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger });
    await using bench = await ProxyBench.start([pool, backup]);
    await using miner = await MinerProcess.start(through(bench));
    await bench.share();
    await pool.close();
    await bench.until(({ shares }) =>
      shares.some((share) => share.pool === backup.url && share.verdict === "accepted"),
    );
    expect(miner.stderr).not.toContain("pool connection lost");
    expect(bench.shares.at(-1)).toMatchObject({ verified: true });
    await backup.close();
  });

  test("comes back by itself when the proxy was away", async () => {
    const first = await ProxyBench.start([pool]);
    const { port } = first.proxy;
    await using miner = await MinerProcess.start(through(first));
    await first.share();
    await first[Symbol.asyncDispose]();
    await using second = await ProxyBench.start([pool], { listen: { host: "127.0.0.1", port } });
    expect(await second.share()).toMatchObject({ verdict: "accepted", verified: true });
    expect(miner.stderr).toContain("pool connection lost");
  });
});

describe("pause", () => {
  test("stops all hashing before it answers, keeps the session, and resume takes up the newest job", async () => {
    await using bench = await ProxyBench.start([pool]);
    await using miner = await MinerProcess.start(through(bench));
    await bench.share();
    await pauseMiner(miner.base, signal);
    const before = await miner.cpuSeconds();
    const shares = bench.shares.length;
    expect(await miner.stats()).toMatchObject({ paused: true, hashrateHps: 0, pool: { connected: true } });
    // A second of real time, because CPU time is what is measured.
    await systemClock.wait(seconds(1), signal);
    expect((await miner.cpuSeconds()) - before, "CPU seconds while paused").toBeLessThan(0.3);
    expect(pool.stats().connections).toBe(1);
    // What was found before may have been on its way for half of that second.
    expect(bench.shares.filter(({ at }) => at > systemClock.now() - 500)).toHaveLength(0);
    await resumeMiner(miner.base, signal);
    await bench.until((one) => one.shares.length > shares);
    expect(bench.shares.at(-1)).toMatchObject({ verdict: "accepted", verified: true });
    expect((await miner.stats()).paused).toBe(false);
  });

  test("from the start means no hash at all until the first resume", async () => {
    await using bench = await ProxyBench.start([pool]);
    await using miner = await MinerProcess.start(through(bench), "--start-paused");
    await bench.until(({ states }) => states.at(-1)?.state === "connected");
    expect(await miner.stats()).toMatchObject({ paused: true, acceptedShares: 0 });
    expect(bench.shares).toEqual([]);
    await resumeMiner(miner.base, signal);
    expect(await bench.share()).toMatchObject({ verdict: "accepted" });
  });

  test("twice is as good as once, and the last order wins", async () => {
    await using miner = await MinerProcess.start(pool.url);
    await Promise.all([pauseMiner(miner.base, signal), pauseMiner(miner.base, signal)]);
    await Promise.all([resumeMiner(miner.base, signal), resumeMiner(miner.base, signal)]);
    expect((await miner.stats()).paused).toBe(false);
    await pauseMiner(miner.base, signal);
    expect((await miner.stats()).paused).toBe(true);
  });
});

describe("the API", () => {
  test("tells what the miner does, in the common shape", async () => {
    await using bench = await ProxyBench.start([pool]);
    await using miner = await MinerProcess.start(through(bench));
    await bench.until(({ shares }) => shares.length >= 1);
    const stats = await miner.stats();
    expect(stats).toMatchObject({
      algorithm: "sha256d",
      paused: false,
      pool: { url: through(bench), connected: true },
    });
    expect(stats.devices).toEqual([{ hashrateHps: stats.hashrateHps }]);
    expect(stats.acceptedShares).toBeGreaterThanOrEqual(0);
  });

  test("cannot be used by a web page", async () => {
    await using miner = await MinerProcess.start(pool.url, "--start-paused");
    const post = (headers: Record<string, string>, path = "/resume") =>
      fetch(`${miner.base}${path}`, { method: "POST", headers, body: "{}" }).then(({ status }) => status);
    const json = "application/json";
    expect(await post({ "content-type": "text/plain" })).toBe(415);
    expect(await post({ "content-type": "application/x-www-form-urlencoded" })).toBe(415);
    expect(await post({ "content-type": json, origin: "https://evil.example" })).toBe(403);
    expect(await post({ "content-type": json }, "/shutdown")).toBe(404);
    expect((await fetch(`${miner.base}/resume`)).status).toBe(404);
    expect(await rebound(miner.base)).toBe(403);
    expect((await miner.stats()).paused).toBe(true);
  });

  test("that is not there is one clear error with a mend", async () => {
    await expect(fetchMinerStats("http://127.0.0.1:1", signal)).rejects.toMatchObject({
      facts: { code: "ERR_MINER_API", mend: expect.any(String), retryable: true },
    });
  });

  test("that answers with something else is one clear error too", async () => {
    await using miner = await MinerProcess.start(pool.url, "--start-paused");
    await expect(pauseMiner(`${miner.base}/nowhere`, signal)).resolves.toBeUndefined();
    await expect(fetchMinerStats(pool.url.replace("stratum+tcp", "http"), signal)).rejects.toMatchObject({
      facts: { code: "ERR_MINER_API" },
    });
  });
});

/** What a DNS-rebinding page would send: our address under its own name. */
async function rebound(base: string): Promise<number | undefined> {
  const { request } = await import("node:http");
  return await new Promise((resolve, reject) => {
    const headers = { host: "evil.example", "content-type": "application/json" };
    request(`${base}/resume`, { method: "POST", headers }, (response) => resolve(response.statusCode))
      .on("error", reject)
      .end("{}");
  });
}

describe("the process", () => {
  test("ends with its stdin", async () => {
    await using miner = await MinerProcess.start(pool.url, "--start-paused");
    miner.child.stdin.end();
    expect(await miner.exited).toBe(0);
  });

  test("ends cleanly at SIGTERM", async () => {
    await using miner = await MinerProcess.start(pool.url);
    miner.child.kill("SIGTERM");
    expect(await miner.exited).toBe(0);
  });

  const usage = [
    [[], /--pool is missing/],
    [["--pool", "http://x"], /--user is missing/],
    [["--pool", "http://x:1", "--user", "u"], /ERR_POOL_URL/],
    [["--pool", "stratum+tcp://127.0.0.1:1", "--user", "u", "--threads", "0"], /--threads is not/],
    [["--pool", "stratum+tcp://127.0.0.1:1", "--user", "u", "--nice", "-5"], /nice/],
    [["--gpu", "7"], /--gpu/],
  ] as const;
  for (const [args, reason] of usage)
    test(`refuses ${args.join(" ") || "no arguments"} with exit code 2 and one line`, async () => {
      await using miner = new MinerProcess(args);
      expect(await miner.exited).toBe(2);
      expect(miner.stderr).toMatch(reason);
      expect(miner.stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(miner.stdout).toBe("");
    });
});
