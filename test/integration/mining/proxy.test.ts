import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { startStratumProxy } from "../../../src/mining/stratum/proxy.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { ProxyBench, submitOf } from "../../support/proxy-bench.ts";
import { ScriptedPool } from "../../support/scripted-pool.ts";

let pools: ScriptedPool[] = [];
const startPool = async (script: Parameters<typeof ScriptedPool.start>[0] = {}) => {
  const pool = await ScriptedPool.start(script);
  pools.push(pool);
  return pool;
};

beforeEach(() => {
  pools = [];
});
afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
});

describe("start", () => {
  const options = {
    clock: systemClock,
    logger: silentLogger,
    onShare: () => {},
    onUpstream: () => {},
    pools: [{ url: "stratum+tcp://127.0.0.1:1", user: "u", password: "p" }],
    listen: { host: "127.0.0.1", port: 0 },
  };

  test("takes no address beyond this machine", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.10", "example.com"])
      await expect(startStratumProxy({ ...options, listen: { host, port: 0 } })).rejects.toThrow(/loopback/);
  });

  test("takes no empty list of pools, and no pool without a port", async () => {
    await expect(startStratumProxy({ ...options, pools: [] })).rejects.toThrow(/no pool/);
    const pool = { url: "stratum+tcp://x", user: "u", password: "p" };
    await expect(startStratumProxy({ ...options, pools: [pool] })).rejects.toThrow(/has no port/);
  });

  test("says when its port is taken", async () => {
    const pool = await startPool();
    await expect(startStratumProxy({ ...options, listen: { host: "127.0.0.1", port: pool.port } })).rejects.toThrow(
      /EADDRINUSE/,
    );
  });

  test("is connecting, with the reason, as long as no miner is there", async () => {
    const pool = await startPool();
    await using bench = await ProxyBench.start([pool]);
    expect(bench.proxy.state()).toMatchObject({
      state: "connecting",
      url: pool.url,
      reason: "no miner is connected",
    });
    expect(pool.accepted).toBe(0);
  });
});

describe("one miner on one pool", () => {
  test("gets the pool's own lines, and its share is booked with GPU, pool and latency", async () => {
    const pool = await startPool();
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    miner.send(submitOf(7, "j1"));
    expect(await miner.answer(7)).toMatchObject({ result: true });
    expect(await bench.share()).toMatchObject({
      gpu: "GPU-0",
      worker: "rig.0",
      pool: pool.url,
      stratumJob: "j1",
      difficulty: 512,
      expectedHashes: 512 * 2 ** 32,
      verdict: "accepted",
      latencyMs: expect.any(Number),
    });
    expect(pool.sent("mining.submit")[0]?.params?.[0]).toBe("wallet.0");
    expect(pool.sent("mining.authorize")[0]?.params).toEqual(["wallet.0", "secret-0"]);
    expect(bench.proxy.state()).toMatchObject({ state: "connected", url: pool.url, difficulty: 512 });
  });

  test("has a connection of its own at the pool, beside other miners", async () => {
    const pool = await startPool({ extranonces: ["0001", "0002", "0003"] });
    await using bench = await ProxyBench.start([pool]);
    const miners = [await bench.miner(), await bench.miner(), await bench.miner()];
    const given = await Promise.all(miners.map(async (miner) => (await miner.answer(1)).result));
    expect(given.map((result) => (result as unknown[])[1])).toEqual(["0001", "0002", "0003"]);
    expect(pool.connections.size).toBe(3);
  });

  test("takes its pool connection with it when it leaves", async () => {
    const pool = await startPool();
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    miner.close();
    await pool.until(({ connections }) => connections.size === 0);
    expect(bench.proxy.state().reason).toBe("no miner is connected");
  });

  test("that leaves with a share on its way still has it booked", async () => {
    const pool = await startPool({ submit: "silence" });
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    miner.send(submitOf(7, "j1"));
    await pool.until((one) => one.sent("mining.submit").length === 1);
    miner.close();
    await miner.closed;
    pool.say({ id: 7, result: true, error: null });
    expect(await bench.share()).toMatchObject({ verdict: "accepted" });
  });

  test("is cut off for a line longer than 16 KiB, without harm to others", async () => {
    const pool = await startPool();
    await using bench = await ProxyBench.start([pool]);
    const [bad, good] = [await bench.miner(), await bench.miner()];
    bad.sendBytes("x".repeat(20_000));
    await bad.closed;
    good.send(submitOf(7, "j1"));
    expect(await good.answer(7)).toMatchObject({ result: true });
  });

  test("that does not log in within 10 s is cut off", async () => {
    const pool = await startPool();
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([pool], { clock });
    const idle = await bench.client();
    await pool.until(({ accepted }) => accepted === 1);
    await clock.advance(11_000);
    await idle.closed;
  });

  test("that drips one line byte by byte is cut off after ten seconds, however long its login is done", async () => {
    const pool = await startPool();
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([pool], { clock });
    const [slow, good] = [await bench.miner(), await bench.miner()];
    slow.sendBytes('{"id":4,"method":"mini');
    for (let i = 0; i < 30 && !slow.isClosed; i++) {
      slow.sendBytes("n");
      await clock.advance(1000);
    }
    await slow.closed;
    expect(clock.monotonic()).toBeGreaterThan(10_000);
    good.send(submitOf(7, "j1"));
    expect(await good.answer(7)).toMatchObject({ result: true });
  });

  test("does not suffer when a share cannot be recorded", async () => {
    const pool = await startPool();
    await using bench = await ProxyBench.start([pool], {
      onShare: () => {
        throw new Error("the disk is full");
      },
    });
    const miner = await bench.miner();
    miner.send(submitOf(7, "j1"));
    await miner.answer(7);
    miner.send(submitOf(8, "j1"));
    expect(await miner.answer(8)).toMatchObject({ result: true });
  });

  test("answers its pool's own questions, with the pool's id", async () => {
    const pool = await startPool();
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    pool.say({ id: "v1", method: "client.get_version", params: [] });
    await miner.line(({ id }) => id === "v1");
    miner.send({ id: "v1", result: "line-client/1.0", error: null });
    await pool.until(({ lines }) => lines.some(({ id, result }) => id === "v1" && result === "line-client/1.0"));
    miner.send(submitOf(7, "j1"));
    expect(await miner.answer(7)).toMatchObject({ result: true });
  });

  describe("that stops reading", () => {
    const filler = { id: null, method: "client.show_message", params: ["x".repeat(15_000)] };
    /** Until neither the miner's socket nor the kernel's buffers take more, whatever their size here. */
    const fill = async (pool: ScriptedPool) => {
      for (let i = 0; i < 80; i++) {
        for (let j = 0; j < 16; j++) pool.say(filler);
        await setImmediate();
      }
    };
    const hears = (pool: ScriptedPool, bench: ProxyBench, difficulty: number) => {
      pool.say({ id: null, method: "mining.set_difficulty", params: [difficulty] });
      return bench.until(({ proxy }) => proxy.state().difficulty === difficulty);
    };

    test("hears the newest job and difficulty when it reads again, and none of those between", async () => {
      const pool = await startPool();
      await using bench = await ProxyBench.start([pool]);
      const miner = await bench.miner();
      miner.pause();
      await fill(pool);
      for (let i = 0; i < 500; i++) pool.notify(`skipped-${i}`);
      await hears(pool, bench, 2048);
      pool.notify("newest");
      miner.resume();
      await miner.line(({ method, params }) => method === "mining.notify" && params?.[0] === "newest");
      expect(miner.lines.some((line) => line.includes("skipped-499"))).toBe(false);
      const told = miner.lines.filter((line) => line.includes("mining.set_difficulty")).at(-1);
      expect(told).toContain("[2048]");
      miner.send(submitOf(7, "newest"));
      expect(await miner.answer(7)).toMatchObject({ result: true });
      expect(await bench.share()).toMatchObject({ verdict: "accepted", difficulty: 2048 });
    });

    test("is let go after five minutes, and its pool is not the one at fault", async () => {
      const pool = await startPool();
      const clock = new ManualClock();
      await using bench = await ProxyBench.start([pool], { clock });
      const [still, good] = [await bench.miner(), await bench.miner()];
      still.pause();
      await fill(pool);
      for (let i = 0; i < 10; i++) {
        await clock.advance(31_000);
        await hears(pool, bench, 600 + i);
      }
      // A socket that is paused never sees its own end.
      still.resume();
      await still.closed;
      expect(bench.proxy.away()).toBeUndefined();
      expect(bench.states.filter(({ state }) => state === "down")).toEqual([]);
      good.send(submitOf(7, "j1"));
      expect(await good.answer(7)).toMatchObject({ result: true });
    });
  });
});

describe("close", () => {
  test("waits for the answers to shares on their way", async () => {
    const pool = await startPool({ submit: "silence" });
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    miner.send(submitOf(7, "j1"));
    await pool.until((one) => one.sent("mining.submit").length === 1);
    const closing = bench.proxy.close();
    await miner.closed;
    pool.say({ id: 7, result: true, error: null });
    await closing;
    expect(bench.shares).toMatchObject([{ verdict: "accepted" }]);
  });

  test("books as unknown what is not answered in two seconds", async () => {
    const pool = await startPool({ submit: "silence" });
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    miner.send(submitOf(7, "j1"));
    await pool.until((one) => one.sent("mining.submit").length === 1);
    await bench.proxy.close();
    expect(bench.shares).toMatchObject([{ verdict: "unknown", reason: "the proxy stops" }]);
  });
});
