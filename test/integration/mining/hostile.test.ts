import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../src/lib/logger.ts";
import { type Devpool, startDevpool } from "../../../src/mining/reference/devpool.ts";
import { LineClient } from "../../support/line-client.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { ProxyBench, submitOf } from "../../support/proxy-bench.ts";
import { ScriptedPool } from "../../support/scripted-pool.ts";

const ROUNDS = 60;

/** Lines as a broken or hostile peer sends them: half of them look real. */
const hostileLine = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.json(),
  fc
    .record({
      id: fc.jsonValue(),
      method: fc.constantFrom("mining.submit", "mining.authorize", "mining.notify", "mining.configure", "x"),
      params: fc.oneof(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.jsonValue()),
    })
    .map((value) => JSON.stringify(value)),
);
const hostileTalk = fc.array(hostileLine, { minLength: 1, maxLength: 30 });

/** Everything `client` has been sent has been dealt with: the peer closed it or answers a plain question. */
async function settled(client: LineClient): Promise<void> {
  client.send({ id: "settled", method: "mining.extranonce.subscribe", params: [] });
  await Promise.race([client.closed, client.answer("settled")]);
}

describe("the proxy", () => {
  let pool: ScriptedPool;
  beforeEach(async () => {
    pool = await ScriptedPool.start();
  });
  afterEach(() => pool.close());

  test("lives through miners that send anything at all, and an honest one beside them notices nothing", async () => {
    await using bench = await ProxyBench.start([pool]);
    const honest = await bench.miner();
    await fc.assert(
      fc.asyncProperty(hostileTalk, async (lines) => {
        const bad = await LineClient.open(bench.proxy.port);
        bad.send(...lines);
        await settled(bad);
        bad.close();
        await bad.closed;
      }),
      { numRuns: ROUNDS },
    );
    honest.send(submitOf("after", "j1"));
    expect(await honest.answer("after")).toMatchObject({ result: true });
    expect(bench.shares).toHaveLength(1);
  });

  test("lets a miner go that floods its login, for next to no time of the agent's, and the pool is not to blame", async () => {
    const silent = await ScriptedPool.start({ subscribe: "silence", authorize: "silence" });
    await using bench = await ProxyBench.start([silent]);
    const flood = await bench.client();
    flood.send({ id: 1, method: "mining.subscribe", params: ["x"] });
    await silent.until(({ lines }) => lines.length > 0);
    const before = process.cpuUsage();
    flood.send(...Array.from({ length: 12_000 }, () => '{"id":1,"method":"mining.subscribe","params":["x"]}'));
    await flood.closed;
    const { user, system } = process.cpuUsage(before);
    // In microseconds; as many lines took ten seconds and more while each step looked at all before it.
    expect(user + system).toBeLessThan(2_000_000);
    expect(bench.proxy.away()).toBeUndefined();
    await silent.close();
  });

  test("lives through a pool that says anything at all, and serves again when it is sane", async () => {
    await using bench = await ProxyBench.start([pool]);
    const miner = await bench.miner();
    const said = fc.sample(hostileTalk, ROUNDS).flat();
    for (const line of said) pool.say(line.replaceAll("\n", " "));
    pool.say("certainly not JSON");
    await bench.until(({ states }) => states.some(({ state }) => state === "down"));
    await bench.until(({ states }) => states.at(-1)?.state === "connected");
    expect(miner.isClosed).toBe(false);
    miner.send(submitOf("after", "j1"));
    expect(await miner.answer("after")).toMatchObject({ result: true });
  });

  test("keeps nothing of miners that come and go", async () => {
    await using bench = await ProxyBench.start([pool]);
    for (let i = 0; i < 200; i++) {
      const miner = await LineClient.open(bench.proxy.port);
      if (i % 2 === 0) await miner.login("rig.0");
      miner.close();
      await miner.closed;
    }
    await pool.until(({ connections }) => connections.size === 0);
    expect(bench.proxy.state()).toMatchObject({ state: "connecting", reason: "no miner is connected" });
  });
});

describe("the devpool", () => {
  let pool: Devpool;
  beforeEach(async () => {
    pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: new ManualClock(), logger: silentLogger });
  });
  afterEach(() => pool.close());

  test("lives through miners that send anything at all", async () => {
    await fc.assert(
      fc.asyncProperty(hostileTalk, async (lines) => {
        const bad = await LineClient.open(pool.port);
        bad.send(...lines);
        await settled(bad);
        bad.close();
        await bad.closed;
      }),
      { numRuns: ROUNDS },
    );
    const honest = await LineClient.open(pool.port);
    await honest.login("w");
    expect(pool.stats()).toMatchObject({ sharesAccepted: 0, height: 0 });
    honest.close();
  });
});
