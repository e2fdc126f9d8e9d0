import { describe, expect, test } from "vitest";
import { type Pool, PoolList } from "../../../../src/mining/stratum/pools.ts";
import { millis } from "../../../../src/units/time.ts";

const TARGETS = ["a", "b", "c"].map((name) => ({
  url: `stratum+tcp://${name}.example:3333`,
  user: `wallet-${name}`,
  password: "x",
}));
/** The middle of the jitter: delays are exact. */
const list = (count = 3) => new PoolList(TARGETS.slice(0, count), () => 0.5);
const at = (ms: number) => millis(ms);

const chosen = (pools: PoolList, ms: number): Pool => {
  const pool = pools.choose(at(ms));
  if (!pool) throw new Error("no pool is due");
  return pool;
};

describe("choosing a pool", () => {
  test("takes the first while nothing is known", () => {
    expect(list().choose(at(0))).toMatchObject({ rank: 0, url: TARGETS[0]?.url, user: "wallet-a" });
  });

  test("goes down the list at once when a pool fails", () => {
    const pools = list();
    pools.failed(chosen(pools, 0), at(0));
    expect(pools.choose(at(0))?.rank).toBe(1);
    pools.failed(chosen(pools, 0), at(0));
    expect(pools.choose(at(0))?.rank).toBe(2);
  });

  test("has none to offer while all of them rest, and the first again after a second", () => {
    const pools = list(2);
    for (let i = 0; i < 2; i++) pools.failed(chosen(pools, 0), at(0));
    expect(pools.choose(at(999))).toBeUndefined();
    expect(pools.choose(at(1000))?.rank).toBe(0);
  });

  test("lets a failing pool rest longer every time, up to a minute", () => {
    const pools = list(1);
    const rests: number[] = [];
    let now = 0;
    for (let i = 0; i < 9; i++) {
      pools.failed(chosen(pools, now), at(now));
      const failed = now;
      while (!pools.choose(at(now))) now += 100;
      rests.push(now - failed);
    }
    expect(rests).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test("counts an outage once, however many connections report it", () => {
    const pools = list(1);
    const pool = chosen(pools, 0);
    for (let i = 0; i < 1000; i++) pools.failed(pool, at(i / 10));
    expect(pools.choose(at(1000))?.rank).toBe(0);
  });

  test("starts the backoff afresh for a pool that was up for a minute, not for one that flaps", () => {
    const pools = list(1);
    const pool = chosen(pools, 0);
    pools.failed(pool, at(0));
    pools.failed(pool, at(1000));
    pools.connected(pool, at(3000));
    pools.failed(pool, at(4000));
    expect(pools.choose(at(7999)), "the third failure rests 4 s").toBeUndefined();
    pools.connected(pool, at(8000));
    pools.failed(pool, at(70_000));
    expect(pools.choose(at(71_000))?.rank, "a stable pool rests 1 s").toBe(0);
  });
});

describe("being down", () => {
  test("lasts from the first failure until any pool settles, through all retries", () => {
    const pools = list(2);
    expect(pools.down).toBeUndefined();
    const first = chosen(pools, 0);
    pools.failed(first, at(10), "ECONNREFUSED");
    pools.failed(chosen(pools, 10), at(20), "silence");
    pools.failed(first, at(5000), "again");
    expect(pools.down).toEqual({ since: 10, url: first.url, reason: "again" });
    pools.connected(first, at(6000));
    expect(pools.down).toBeUndefined();
  });

  test("is not for the failure of one pool while another is up", () => {
    const pools = list(2);
    const first = chosen(pools, 0);
    pools.failed(first, at(0));
    pools.connected(chosen(pools, 0), at(100));
    pools.failed(first, at(2000));
    expect(pools.down).toBeUndefined();
  });
});

describe("returning to a better pool", () => {
  const onBackup = () => {
    const pools = list();
    pools.failed(chosen(pools, 0), at(0));
    const backup = chosen(pools, 0);
    pools.connected(backup, at(100));
    return { pools, backup };
  };

  test("is not tried before the better one has rested", () => {
    const { pools, backup } = onBackup();
    expect(pools.claimBetter(backup, at(999))).toBeUndefined();
  });

  test("is tried by one connection at a time", () => {
    const { pools, backup } = onBackup();
    expect(pools.claimBetter(backup, at(1000))?.rank).toBe(0);
    expect(pools.claimBetter(backup, at(1000))).toBeUndefined();
  });

  test("is open to all once that one succeeded", () => {
    const { pools, backup } = onBackup();
    const primary = pools.claimBetter(backup, at(1000));
    if (primary) pools.connected(primary, at(1100));
    if (primary) pools.release(primary);
    for (let i = 0; i < 3; i++) expect(pools.claimBetter(backup, at(1200))?.rank).toBe(0);
  });

  test("rests again after a trial that failed", () => {
    const { pools, backup } = onBackup();
    const primary = pools.claimBetter(backup, at(1000));
    if (primary) pools.failed(primary, at(1500));
    if (primary) pools.release(primary);
    expect(pools.claimBetter(backup, at(3400))).toBeUndefined();
    expect(pools.claimBetter(backup, at(3500))?.rank).toBe(0);
  });

  test("is free for others when the one who tried went away", () => {
    const { pools, backup } = onBackup();
    const primary = pools.claimBetter(backup, at(1000));
    if (primary) pools.release(primary);
    expect(pools.claimBetter(backup, at(1000))?.rank).toBe(0);
  });

  test("never leads to a pool further down", () => {
    const { pools } = onBackup();
    const primary = pools.primary;
    expect(primary && pools.claimBetter(primary, at(99_000))).toBeUndefined();
  });
});
