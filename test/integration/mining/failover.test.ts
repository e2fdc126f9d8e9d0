import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LineClient } from "../../support/line-client.ts";
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

/** Two pools that tell different extranonces, and a proxy over both. */
async function twoPools() {
  const primary = await startPool({ extranonces: ["aaaa"] });
  const backup = await startPool({ extranonces: ["bbbb"] });
  return { primary, backup, bench: await ProxyBench.start([primary, backup]) };
}

const extranonceOf = async (client: LineClient) => (await client.method("mining.set_extranonce")).params?.[0];

describe("a pool that dies", () => {
  test("is left for the next one within 10 s, and an able miner stays connected", async () => {
    const { primary, backup, bench } = await twoPools();
    await using _ = bench;
    const miner = await bench.miner();
    const started = performance.now();
    await primary.kill();
    expect(await extranonceOf(miner)).toBe("bbbb");
    await bench.until(({ states }) => states.at(-1)?.state === "connected" && states.at(-1)?.url === backup.url);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(miner.isClosed).toBe(false);
    miner.send(submitOf(9, "j1"));
    expect(await miner.answer(9)).toMatchObject({ result: true });
    expect(await bench.share()).toMatchObject({ pool: backup.url, verdict: "accepted" });
    expect(backup.sent("mining.authorize")[0]?.params).toEqual(["wallet.1", "secret-1"]);
  });

  test("names the pool at fault where its fault stands under another's address", async () => {
    const { primary, backup, bench } = await twoPools();
    await using _ = bench;
    await bench.miner();
    await primary.kill();
    await bench.until(({ states }) => states.at(-1)?.state === "connected" && states.at(-1)?.url === backup.url);
    await backup.kill();
    await bench.until(({ states }) => states.at(-1)?.url === primary.url);
    expect(bench.proxy.state().reason?.startsWith(`${backup.url}: `)).toBe(true);
  });

  test("costs a miner its connection only when it cannot take a new extranonce", async () => {
    const { primary, backup, bench } = await twoPools();
    await using _ = bench;
    const miner = await bench.miner({ extranonce: false });
    await primary.kill();
    await miner.closed;
    const again = await bench.miner({ extranonce: false });
    expect((await again.answer(1)).result).toMatchObject({ 1: "bbbb" });
    expect(backup.connections.size).toBe(1);
  });

  test("makes a share on its way unknown, and tells the miner", async () => {
    const primary = await startPool({ submit: "silence" });
    await using bench = await ProxyBench.start([primary]);
    const miner = await bench.miner();
    miner.send(submitOf(7, "j1"));
    await primary.until((pool) => pool.sent("mining.submit").length === 1);
    await primary.kill();
    expect(await miner.answer(7)).toMatchObject({ result: null, error: [20, expect.any(String), null] });
    expect(await bench.share()).toMatchObject({ verdict: "unknown", pool: primary.url });
    expect(await bench.share()).not.toHaveProperty("latencyMs");
  });

  test("without another one leaves the miner connected; its shares are refused and booked as never sent", async () => {
    const only = await startPool();
    await using bench = await ProxyBench.start([only]);
    const miner = await bench.miner();
    await only.kill();
    await bench.until(({ states }) => states.at(-1)?.state === "down");
    expect(bench.proxy.state().reason).toMatch(/ECONNRESET|closed by the peer|ECONNREFUSED/);
    miner.send(submitOf(8, "j1"));
    expect(await miner.answer(8)).toMatchObject({ error: [20, expect.stringMatching(/No pool/), null] });
    expect(await bench.share()).toMatchObject({ verdict: "rejected", reason: "no pool connection" });
    expect(miner.isClosed).toBe(false);
  });

  test("and comes back serves the same miner again", async () => {
    const only = await startPool({ extranonces: ["aaaa", "cccc"] });
    await using bench = await ProxyBench.start([only]);
    const miner = await bench.miner();
    await only.kill();
    await bench.until(({ states }) => states.at(-1)?.state === "down");
    await only.listen();
    expect(await extranonceOf(miner)).toBe("cccc");
    expect(miner.isClosed).toBe(false);
  });

  test("is returned to when it is up again, without losing a share", async () => {
    const { primary, backup, bench } = await twoPools();
    await using _ = bench;
    const miner = await bench.miner();
    await primary.kill();
    await extranonceOf(miner);
    backup.script = { ...backup.script, submit: "silence" };
    const back = miner.next((line) => line.method === "mining.set_extranonce");
    miner.send(submitOf(5, "j1"));
    await primary.listen();
    expect((await back).params?.[0]).toBe("aaaa");
    expect(backup.connections.size, "the backup still owes an answer").toBe(1);
    backup.say({ id: 5, result: true, error: null });
    expect(await bench.share()).toMatchObject({ verdict: "accepted", pool: backup.url });
    await backup.until(({ connections }) => connections.size === 0);
    expect(bench.proxy.state()).toMatchObject({ state: "connected", url: primary.url });
  });
});

describe("pools that are all away", () => {
  test("are so from the first failure on, through retries and after the miner left, until one is back", async () => {
    const { primary, backup, bench: other } = await twoPools();
    await other[Symbol.asyncDispose]();
    await Promise.all([primary.kill(), backup.kill()]);
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([primary, backup], { clock });
    const began = clock.now();
    expect(bench.proxy.away()).toBeUndefined();
    const miner = await bench.client();
    void miner.login("rig.0");
    await bench.until(({ proxy }) => proxy.state().state === "down");
    const tried = () => bench.states.filter(({ state }) => state === "connecting").length;
    for (let i = 0; i < 40; i++) {
      await clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(tried()).toBeGreaterThan(2);
    expect(bench.proxy.away()).toMatchObject({ since: began, reason: expect.stringContaining("ECONNREFUSED") });
    miner.close();
    await bench.until(({ states }) => states.at(-1)?.state === "down");
    expect(bench.proxy.away()?.since).toBe(began);
    await backup.listen();
    while (bench.proxy.away() !== undefined) {
      await clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(backup.sent("mining.authorize").at(-1)?.params).toEqual(["wallet.1", "secret-1"]);
    expect(bench.proxy.state()).toMatchObject({ state: "connecting", reason: "no miner is connected" });
  });
});

describe("a pool that is up but useless", () => {
  const useless = [
    ["refuses the credentials", { authorize: { error: [24, "unknown wallet", null] as const } }],
    ["refuses to subscribe", { subscribe: { error: [20, "full", null] as const } }],
    ["answers the subscription with nonsense", { subscribe: { result: "welcome" } }],
    ["hangs up at the subscription", { subscribe: "hang up" as const }],
  ] as const;
  for (const [what, script] of useless)
    test(`and ${what} is passed over, the miner seeing nothing of it`, async () => {
      const primary = await startPool(script);
      const backup = await startPool({ extranonces: ["bbbb"] });
      await using bench = await ProxyBench.start([primary, backup]);
      const miner = await bench.miner();
      await bench.until(({ states }) => states.at(-1)?.state === "connected");
      expect(bench.proxy.state().url).toBe(backup.url);
      expect(await miner.answer(2)).toMatchObject({ result: true });
      expect(miner.lines.join()).not.toMatch(/unknown wallet|full|welcome/);
    });

  test("and talks garbage is passed over", async () => {
    const { primary, backup, bench } = await twoPools();
    await using _ = bench;
    const miner = await bench.miner();
    primary.say("<html>502 Bad Gateway</html>");
    await extranonceOf(miner);
    expect(bench.proxy.state().url).toBe(backup.url);
    expect(miner.lines.join()).not.toContain("html");
  });

  test("and sends a line longer than 16 KiB is passed over", async () => {
    const { primary, backup, bench } = await twoPools();
    await using _ = bench;
    const miner = await bench.miner();
    primary.say("x".repeat(20_000));
    await extranonceOf(miner);
    expect(bench.proxy.state().url).toBe(backup.url);
  });

  test("and never answers the login is passed over after 8 s", async () => {
    const primary = await startPool({ subscribe: "silence", authorize: "silence", work: false });
    const backup = await startPool({ extranonces: ["bbbb"] });
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([primary, backup], { clock });
    const miner = await bench.client();
    const working = miner.login("rig.0");
    await primary.until((pool) => pool.sent("mining.authorize").length === 1);
    await clock.advance(9000);
    await working;
    expect(bench.proxy.state().url).toBe(backup.url);
  });

  test("and takes the login and goes on talking, but sends no work, is left within 10 s", async () => {
    const primary = await startPool({ work: false });
    const backup = await startPool({ extranonces: ["bbbb"] });
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([primary, backup], { clock });
    const miner = await bench.client();
    const working = miner.login("rig.0");
    await miner.answer(2);
    for (let i = 0; i < 8; i++) {
      const heard = miner.next(({ params }) => params?.[0] === 512 + i);
      primary.say({ id: null, method: "mining.set_difficulty", params: [512 + i] });
      await heard;
      await clock.advance(1000);
    }
    await clock.advance(2000);
    await working;
    expect(bench.proxy.state().url).toBe(backup.url);
  });

  test("and is half-open, taking a share without a sign of life, is left after 8 s", async () => {
    const primary = await startPool({ submit: "silence", extranonces: ["aaaa"] });
    const backup = await startPool({ extranonces: ["bbbb"] });
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([primary, backup], { clock });
    const miner = await bench.miner();
    miner.send(submitOf(7, "j1"));
    await primary.until((pool) => pool.sent("mining.submit").length === 1);
    await clock.advance(9000);
    expect(await bench.share()).toMatchObject({ verdict: "unknown", reason: "the pool stopped answering" });
    expect(await extranonceOf(miner)).toBe("bbbb");
  });

  test("and begins a line that it never ends is left after ten seconds", async () => {
    const primary = await startPool({ extranonces: ["aaaa"] });
    const backup = await startPool({ extranonces: ["bbbb"] });
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([primary, backup], { clock });
    const miner = await bench.miner();
    for (const socket of primary.connections) socket.write('{"id":null,"method":"client.get_version","par');
    primary.connections.clear();
    const moved = miner.method("mining.set_extranonce");
    let isMoved = false;
    void moved.then(() => {
      isMoved = true;
    });
    for (let i = 0; i < 30 && !isMoved; i++) await clock.advance(1000);
    expect((await moved).params?.[0]).toBe("bbbb");
    expect(clock.monotonic()).toBeGreaterThan(10_000);
  });

  test("and hangs up on the extranonce extension is used without it", async () => {
    const pool = await startPool({ extranonceSubscribe: "hang up" });
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    expect(await miner.answer(3)).toMatchObject({ result: true });
    await bench.until(({ states }) => states.at(-1)?.state === "connected");
    expect(pool.sent("mining.extranonce.subscribe")).toHaveLength(1);
  });
});

describe("client.reconnect", () => {
  test("to a foreign host is refused: the connection stays and the miner hears nothing", async () => {
    const pool = await startPool();
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    pool.say({ id: null, method: "client.reconnect", params: ["evil.example", 3333, 0] });
    miner.send(submitOf(7, "j1"));
    expect(await miner.answer(7)).toMatchObject({ result: true });
    await bench.share();
    expect(miner.lines.join()).not.toContain("reconnect");
    expect(pool.connections.size).toBe(1);
  });

  test("to another port of the same host is followed, and the old connection kept until the new one works", async () => {
    const pool = await startPool({ extranonces: ["aaaa"] });
    const moved = await startPool({ extranonces: ["dddd"] });
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    pool.say({ id: null, method: "client.reconnect", params: ["127.0.0.1", moved.port, 0] });
    expect(await extranonceOf(miner)).toBe("dddd");
    await pool.until(({ connections }) => connections.size === 0);
    expect(moved.sent("mining.authorize")[0]?.params).toEqual(["wallet.0", "secret-0"]);
  });

  test("is followed by a miner that was held up by a pool that had stopped reading", async () => {
    const pool = await startPool({ extranonces: ["aaaa"] });
    const moved = await startPool({ extranonces: ["dddd"] });
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    for (const socket of pool.connections) socket.pause();
    const filler = { id: 5, result: "x".repeat(15_000), error: null };
    // More than the kernel's buffers take; what is left waits in the miner's own socket.
    for (let i = 0; i < 1500; i++) miner.send(filler);
    miner.send(submitOf(7, "j1"));
    pool.say({ id: null, method: "client.reconnect", params: ["127.0.0.1", moved.port, 0] });
    await moved.until((one) => one.sent("mining.submit").length === 1);
    expect(await miner.answer(7)).toMatchObject({ result: true });
  });

  test("to a host on the allow-list is followed, in capitals or not", async () => {
    const pool = await startPool({ extranonces: ["aaaa"] });
    const moved = await startPool({ extranonces: ["dddd"] });
    await using bench = await ProxyBench.start([{ url: pool.url, reconnectHosts: ["LocalHost"] }]);
    const miner = await bench.miner();
    pool.say({ id: null, method: "client.reconnect", params: ["LOCALHOST", moved.port, 0] });
    expect(await extranonceOf(miner)).toBe("dddd");
  });

  test("that leads nowhere leaves everything as it was", async () => {
    const pool = await startPool();
    const gone = await startPool();
    await gone.kill();
    const clock = new ManualClock();
    await using bench = await ProxyBench.start([pool], { clock });
    const miner = await bench.miner();
    pool.say({ id: null, method: "client.reconnect", params: ["127.0.0.1", gone.port, 0] });
    pool.say({ id: "mark", method: "client.get_version", params: [] });
    await miner.method("client.get_version");
    await clock.advance(3000);
    miner.send(submitOf(7, "j1"));
    expect(await miner.answer(7)).toMatchObject({ result: true });
    expect(bench.proxy.state()).toMatchObject({ state: "connected", url: pool.url });
  });
});
