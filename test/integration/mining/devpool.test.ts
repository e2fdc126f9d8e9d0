import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../src/lib/logger.ts";
import { type Devpool, startDevpool } from "../../../src/mining/reference/devpool.ts";
import { LineClient } from "../../support/line-client.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { PeerMiner } from "../../support/peer-miner.ts";
import { ProxyBench } from "../../support/proxy-bench.ts";

let clock: ManualClock;
let pool: Devpool;

beforeEach(async () => {
  clock = new ManualClock();
  pool = await startDevpool({ host: "127.0.0.1", port: 0, clock, logger: silentLogger, maxConnections: 5 });
});
afterEach(async () => {
  await pool.close();
});

describe("an independent Stratum client", () => {
  let peer: PeerMiner;
  afterEach(() => peer.close());

  /** One share in a hundred is a block, which makes everything before it stale: that one will not do. */
  const acceptedShare = async () => {
    for (;;) {
      const { height } = pool.stats();
      const share = await peer.find();
      expect(await peer.submit(share)).toBe("accepted");
      if (pool.stats().height === height) return share;
    }
  };

  test("logs in, gets work and has its share accepted", async () => {
    peer = new PeerMiner(pool.port, "wallet.peer");
    const work = await peer.work();
    expect(peer.authorized).toBe(true);
    expect(work).toMatchObject({ extraNonce2Size: 4, clean_jobs: true, miningDiff: 1e-4 });
    expect(await peer.submit(await peer.find())).toBe("accepted");
    // One share in a hundred is a block.
    expect(pool.stats()).toMatchObject({ sharesAccepted: 1, connections: 1 });
  });

  test("has the same share refused as duplicate, and bad ones with the standard's codes", async () => {
    peer = new PeerMiner(pool.port, "wallet.peer");
    const share = await acceptedShare();
    expect(await peer.submit(share)).toMatchObject([22, "Duplicate share"]);
    expect(await peer.submit({ ...share, nonce: "00000000" })).toMatchObject([23, expect.any(String)]);
    expect(await peer.submit({ ...share, job_id: "zzz" })).toMatchObject([21, expect.any(String)]);
    expect(await peer.submit({ ...share, worker_name: "stranger" })).toMatchObject([24, expect.any(String)]);
    expect(await peer.submit({ ...share, extranonce2: "00" })).toMatchObject([20, expect.any(String)]);
    expect(pool.stats().sharesRejected).toMatchObject({
      duplicate: 1,
      lowDifficulty: 1,
      stale: 1,
      unauthorized: 1,
      other: 1,
    });
  });

  test("works through the proxy just as well, and its share is verified there", async () => {
    await using bench = await ProxyBench.start([pool]);
    peer = new PeerMiner(bench.proxy.port, "rig.0");
    expect(await peer.submit(await peer.find())).toBe("accepted");
    expect(await peer.submit({ ...(await peer.find()), nonce: "00000000" })).toMatchObject([23, expect.any(String)]);
    await bench.until(({ shares }) => shares.length === 2);
    expect(bench.shares).toMatchObject([
      { gpu: "GPU-0", verdict: "accepted", verified: true, difficulty: 1e-4, expectedHashes: 429_497 },
      { gpu: "GPU-0", verdict: "low-difficulty", verified: false },
    ]);
  });

  test("gets every refusal through the proxy, booked under the right word", async () => {
    await using bench = await ProxyBench.start([pool]);
    peer = new PeerMiner(bench.proxy.port, "rig.0");
    const share = await acceptedShare();
    await bench.until(({ shares }) => shares.at(-1)?.verdict === "accepted");
    const before = bench.shares.length;
    await peer.submit(share);
    await peer.submit({ ...share, job_id: "zzz" });
    await peer.submit({ ...share, ntime: "00000001" });
    await bench.until(({ shares }) => shares.length === before + 3);
    const refused = bench.shares.slice(before);
    expect(refused.map(({ verdict }) => verdict)).toEqual(["duplicate", "stale", "rejected"]);
    expect(refused.at(-1)?.reason).toBe("ntime is out of range");
  });
});

describe("work", () => {
  test("is renewed every 30 s with the time of then, and older work still counts", async () => {
    const miner = await LineClient.open(pool.port);
    const first = await miner.login("w");
    const second = miner.next((line) => line.method === "mining.notify");
    await clock.advance(30_000);
    const [before, after] = [first, await second].map(({ params }) => params ?? []);
    expect(after?.[0]).not.toBe(before?.[0]);
    const [sentAt, renewedAt] = [before, after].map((params) => Number.parseInt(String(params?.[7]), 16));
    // The first work is dated a second after the genesis block, which is as old as the pool.
    expect(renewedAt).toBe(Math.floor(clock.now() / 1000));
    expect(renewedAt).toBe(Number(sentAt) + 29);
    expect(after?.at(-1)).toBe(false);
    miner.close();
  });

  test("of a new block is clean and reaches every miner", async () => {
    await clock.advance(4 * 3_600_000);
    const other = await LineClient.open(pool.port);
    await other.login("w");
    const news = other.next((line) => line.method === "mining.notify" && line.params?.at(-1) === true);
    const peer = new PeerMiner(pool.port, "wallet.peer");
    while (pool.stats().height === 0) await peer.submit(await peer.find());
    expect((await news).params?.[0]).toEqual(expect.any(String));
    expect(pool.stats().height).toBeGreaterThanOrEqual(1);
    peer.close();
    other.close();
  });

  test("gives every connection an extranonce1 of its own", async () => {
    const miners = await Promise.all(Array.from({ length: 5 }, () => LineClient.open(pool.port)));
    const given = await Promise.all(
      miners.map(async (miner) => {
        await miner.login("w");
        return ((await miner.answer(1)).result as unknown[])[1];
      }),
    );
    expect(new Set(given).size).toBe(5);
    for (const miner of miners) miner.close();
  });
});

describe("limits", () => {
  test("more connections than allowed are closed at once, the others live on", async () => {
    const miners = await Promise.all(Array.from({ length: 5 }, () => LineClient.open(pool.port)));
    await Promise.all(miners.map((miner) => miner.login("w")));
    const sixth = await LineClient.open(pool.port);
    await sixth.closed;
    expect(pool.stats().connections).toBe(5);
    for (const miner of miners) miner.close();
  });

  test("a flood of lines ends the connection that sends it", async () => {
    const miner = await LineClient.open(pool.port);
    await miner.login("w");
    miner.sendBytes('{"id":1,"method":"mining.extranonce.subscribe","params":[]}\n'.repeat(2000));
    await miner.closed;
    expect(pool.stats().connections).toBe(0);
  });

  test("an oversized line ends the connection that sends it", async () => {
    const miner = await LineClient.open(pool.port);
    miner.sendBytes("x".repeat(20_000));
    await miner.closed;
  });

  test("it listens on this machine only", async () => {
    const start = startDevpool({ host: "0.0.0.0", port: 0, clock, logger: silentLogger });
    await expect(start).rejects.toThrow(/loopback/);
  });
});

test("closing ends every connection and frees the port", async () => {
  const miner = await LineClient.open(pool.port);
  await miner.login("w");
  await pool.close();
  await miner.closed;
  const again = await startDevpool({ host: "127.0.0.1", port: pool.port, clock, logger: silentLogger });
  expect(again.url).toBe(pool.url);
  await again.close();
});
