import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LineClient } from "../../support/line-client.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { ProxyBench, submitOf } from "../../support/proxy-bench.ts";
import { type Reply, ScriptedPool } from "../../support/scripted-pool.ts";

const FEE = "0xfee";
const REFUSED: Reply = { error: [24, "Unauthorized worker", null] };

let pools: ScriptedPool[] = [];
const startPool = async (script: Parameters<typeof ScriptedPool.start>[0] = {}) => {
  const pool = await ScriptedPool.start(script);
  pools.push(pool);
  return pool;
};
/** A pool that treats one user in its own way and takes all others. */
const poolFor = (user: string, reply: Reply, extranonce1 = "aaaa") =>
  startPool({ extranonces: [extranonce1], authorize: (other) => (other === user ? reply : { result: true }) });

beforeEach(() => {
  pools = [];
});
afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
});

/** A proxy whose pools know every GPU by its own name. */
async function startBench(...of: readonly ScriptedPool[]) {
  const clock = new ManualClock();
  const targets = of.map(({ url }) => ({ url, user: "wallet.{worker}", password: "x" }));
  const bench = await ProxyBench.start([], { clock, pools: targets });
  for (const gpu of ["1", "2"]) bench.proxy.register(`rig.${gpu}`, `GPU-${gpu}`);
  /** Second by second until `check` holds. */
  const pass = async (check: () => boolean) => {
    while (!check()) {
      await clock.advance(1000);
      // What is on its way between the sockets arrives within the second.
      for (let turns = 0; turns < 20; turns++) await setImmediate();
    }
  };
  return { bench, clock, pass };
}

/** A miner program's dev fee logs in beside its miner. */
async function stranger(bench: ProxyBench): Promise<LineClient> {
  const client = await bench.client();
  client.send({ id: 1, method: "mining.subscribe", params: ["fee"] });
  client.send({ id: 2, method: "mining.authorize", params: [FEE, "x"] });
  return client;
}

const users = (pool: ScriptedPool) => pool.sent("mining.authorize").map(({ params }) => params?.[0]);
const count = (pool: ScriptedPool, user: string) => users(pool).filter((other) => other === user).length;

describe("a pool that serves one miner", () => {
  test("is not away because it hangs up on a dev fee's login, again and again", async () => {
    const pool = await poolFor(FEE, "hang up");
    const { bench, pass } = await startBench(pool);
    await using _ = bench;
    const honest = await bench.miner();
    await stranger(bench);
    await pass(() => count(pool, FEE) > 2);
    expect(bench.proxy.away()).toBeUndefined();
    honest.send(submitOf(9, "j1"));
    expect(await bench.share()).toMatchObject({ verdict: "accepted" });
    expect(bench.proxy.state()).toMatchObject({ state: "connected", url: pool.url });
  });

  test("is not away because it refuses another GPU's worker, and serves a third that comes then", async () => {
    const primary = await poolFor("wallet.rig.1", REFUSED);
    const backup = await startPool({ extranonces: ["bbbb"] });
    const { bench, pass } = await startBench(primary, backup);
    await using _ = bench;
    await bench.miner();
    const refused = await bench.client();
    await refused.login("rig.1");
    await pass(() => count(primary, "wallet.rig.1") > 2);
    expect(bench.proxy.away()).toBeUndefined();
    const third = await bench.client();
    await third.login("rig.2");
    expect(users(primary)).toContain("wallet.rig.2");
    expect(users(backup)).toEqual(["wallet.rig.1"]);
  });

  test("leaves a refused miner that takes no other extranonce to the backup, after one more login", async () => {
    const primary = await poolFor("wallet.rig.1", REFUSED);
    const backup = await startPool({ extranonces: ["bbbb"] });
    const { bench } = await startBench(primary, backup);
    await using _ = bench;
    await bench.miner();
    const first = await bench.client();
    void first.login("rig.1", { extranonce: false });
    await first.closed;
    const again = await bench.client();
    await again.login("rig.1", { extranonce: false });
    expect((await again.answer(1)).result).toMatchObject({ 1: "bbbb" });
    expect(again.isClosed).toBe(false);
  });
});

describe("a pool that only a stranger reaches", () => {
  test("is still away for the rig's own", async () => {
    const pool = await startPool({ authorize: (user) => (user === FEE ? { result: true } : REFUSED) });
    const { bench, pass } = await startBench(pool);
    await using _ = bench;
    const own = await bench.client();
    void own.login("rig.1");
    await pass(() => bench.proxy.away() !== undefined);
    const fee = await stranger(bench);
    await fee.method("mining.notify");
    expect(bench.proxy.away()).toMatchObject({ url: pool.url, reason: expect.stringMatching(/Unauthorized/) });
    expect(bench.proxy.state().state).not.toBe("connected");
  });

  test("is up for one that logs in on the same connection after it", async () => {
    const pool = await poolFor("wallet.rig.1", REFUSED);
    const { bench, pass } = await startBench(pool);
    await using _ = bench;
    const own = await bench.client();
    void own.login("rig.1");
    await pass(() => bench.proxy.away() !== undefined);
    const client = await stranger(bench);
    await client.method("mining.notify");
    expect(bench.proxy.away()).toBeDefined();
    client.send({ id: 5, method: "mining.authorize", params: ["rig.0", "x"] });
    expect(await client.answer(5)).toMatchObject({ result: true });
    await pass(() => bench.proxy.away() === undefined);
    expect(bench.proxy.state().state).toBe("connected");
  });
});

describe("the return to the primary pool", () => {
  test("is not held up by a dev fee that the primary refuses and sends work", async () => {
    const primary = await poolFor(FEE, REFUSED);
    const backup = await startPool({ extranonces: ["bbbb"] });
    const { bench, pass } = await startBench(primary, backup);
    await using _ = bench;
    await primary.kill();
    // First among the links, it would be the first to try.
    const fee = await stranger(bench);
    await fee.method("mining.notify");
    await bench.miner();
    expect(users(backup)).toEqual([FEE, "wallet.rig.0"]);
    await primary.listen();
    await pass(() => count(primary, "wallet.rig.0") === 1);
    await bench.until(({ proxy }) => proxy.state().url === primary.url);
    expect(users(primary)).toEqual(["wallet.rig.0"]);
  });

  test("is not held up for long by a miner that leaves out what the primary waits for", async () => {
    const primary = await startPool({ extranonces: ["aaaa"] });
    const backup = await startPool({ extranonces: ["bbbb"] });
    const { bench, clock, pass } = await startBench(primary, backup);
    await using _ = bench;
    await primary.kill();
    const odd = await bench.client();
    odd.send({ id: 2, method: "mining.authorize", params: ["rig.1", "x"] });
    await odd.method("mining.notify");
    backup.say({ id: null, method: "mining.set_extranonce", params: ["bbbb", 4] });
    await bench.until(({ states }) => states.at(-1)?.state === "connected");
    await bench.miner();
    await primary.listen();
    await pass(() => count(primary, "wallet.rig.0") === 1);
    expect(users(primary)[0], "the one that cannot came first").toBe("wallet.rig.1");
    expect(clock.monotonic()).toBeLessThan(20_000);
  });
});

describe("client.reconnect before the first work", () => {
  const sendOn = (host: string, port: number) => ({ id: null, method: "client.reconnect", params: [host, port, 0] });
  /** A pool that takes the login, and then only sends its miners to `place`. */
  const balancerTo = async (place: () => object) => {
    const pool: ScriptedPool = await startPool({
      work: false,
      authorize: () => {
        pool.say(place());
        return { result: true };
      },
    });
    return pool;
  };

  test("is followed to another port of the same host", async () => {
    const target = await startPool({ extranonces: ["dddd"] });
    const balancer = await balancerTo(() => sendOn("127.0.0.1", target.port));
    await using bench = await ProxyBench.start([balancer]);
    const miner = await bench.miner();
    expect((await miner.method("mining.set_extranonce")).params?.[0]).toBe("dddd");
    expect(target.sent("mining.authorize")[0]?.params).toEqual(["wallet.0", "secret-0"]);
    expect(balancer.accepted).toBe(1);
    await balancer.until(({ connections }) => connections.size === 0);
    expect(bench.proxy.away()).toBeUndefined();
  });

  test("brings a miner there with one more login that takes no other extranonce", async () => {
    const target = await startPool({ extranonces: ["dddd"] });
    const balancer = await balancerTo(() => sendOn("127.0.0.1", target.port));
    await using bench = await ProxyBench.start([balancer]);
    const first = await bench.client();
    void first.login("rig.0", { extranonce: false });
    await first.closed;
    const again = await bench.miner({ extranonce: false });
    expect((await again.answer(1)).result).toMatchObject({ 1: "dddd" });
    expect(balancer.accepted).toBe(1);
  });

  test("is not followed to a foreign host", async () => {
    const backup = await startPool({ extranonces: ["bbbb"] });
    const balancer = await balancerTo(() => sendOn("localhost", backup.port));
    const { bench, pass } = await startBench(balancer, backup);
    await using _ = bench;
    const client = await bench.client();
    void client.login("rig.0");
    await pass(() => users(backup).length > 0);
    expect(bench.proxy.state().url).toBe(backup.url);
    expect(client.lines.join()).not.toContain("reconnect");
  });

  test("from place to place is given up after three", async () => {
    const circle: ScriptedPool = await balancerTo(() => sendOn("127.0.0.1", circle.port));
    const backup = await startPool({ extranonces: ["bbbb"] });
    await using bench = await ProxyBench.start([circle, backup]);
    await bench.miner();
    expect(bench.proxy.state().url).toBe(backup.url);
    expect(circle.accepted).toBe(4);
  });
});
