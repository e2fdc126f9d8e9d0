import { describe, expect, test } from "vitest";
import { PoolSeat } from "../../../../src/mining/stratum/pool-seat.ts";
import { type Pool, PoolList } from "../../../../src/mining/stratum/pools.ts";
import { millis } from "../../../../src/units/time.ts";

const TARGETS = ["a", "b"].map((name) => ({
  url: `stratum+tcp://${name}.example:3333`,
  user: `wallet-${name}`,
  password: "x",
}));
const at = (ms: number) => millis(ms);
const LOST = { reason: "ECONNRESET" };
const REFUSED = { reason: "unknown worker", isRefusal: true };

/** The list with some seats at it; in the middle of the jitter delays are exact. */
function around(count: number) {
  const pools = new PoolList(TARGETS.slice(0, count), () => 0.5);
  const [a, b] = [new PoolSeat(pools), new PoolSeat(pools)];
  const pool = (rank: number): Pool => {
    const found = rank === 0 ? pools.primary : pools.choose(at(1e9), (one) => one.rank === rank);
    if (!found) throw new Error("there is no such pool");
    return found;
  };
  return { pools, a, b, primary: pool(0), backup: pool(count - 1) };
}

describe("a pool that serves one miner", () => {
  const faults = [
    ["loses", LOST],
    ["refuses", REFUSED],
  ] as const;
  for (const [verb, fault] of faults)
    test(`is neither down nor resting for anyone but the one that it ${verb}`, () => {
      const { pools, a, b, primary } = around(2);
      a.connected(primary, at(0));
      b.failed(primary, at(100), fault);
      expect(pools.down).toBeUndefined();
      expect(new PoolSeat(pools).choose(at(100))?.pool).toBe(primary);
      expect(b.choose(at(1099))?.pool.rank, "turned away here a second ago").toBe(1);
      expect(b.choose(at(1100))?.pool).toBe(primary);
    });

  test("rests longer every time for the miner that it refuses, until it served that one for a minute", () => {
    const { a, b, primary } = around(1);
    a.connected(primary, at(0));
    b.failed(primary, at(0), REFUSED);
    b.failed(primary, at(1000), REFUSED);
    expect(b.choose(at(2999))).toBeUndefined();
    b.connected(primary, at(3000));
    b.failed(primary, at(63_000), LOST);
    expect(b.choose(at(64_000))?.pool).toBe(primary);
  });

  test("is down once it has lost the last of them", () => {
    const { pools, a, b, primary } = around(1);
    a.connected(primary, at(0));
    a.connected(primary, at(1));
    b.connected(primary, at(2));
    a.failed(primary, at(10), LOST);
    expect(pools.down).toBeUndefined();
    b.failed(primary, at(20), LOST);
    expect(pools.down).toEqual({ since: 20, url: primary.url, reason: "ECONNRESET" });
    expect(new PoolSeat(pools).choose(at(20))).toBeUndefined();
  });

  test("no longer does so when the miner has moved to another pool, or left", () => {
    const { pools, a, b, primary, backup } = around(2);
    a.connected(backup, at(0));
    a.connected(primary, at(1));
    b.failed(backup, at(10), LOST);
    a.leave();
    b.failed(primary, at(20), LOST);
    expect(pools.down).toMatchObject({ since: 20, url: primary.url });
  });
});

describe("a pool that serves nobody", () => {
  test("and refuses one login is down, and may be tried by others at once", () => {
    const { pools, a, b, primary } = around(1);
    a.failed(primary, at(10), REFUSED);
    expect(pools.down).toEqual({ since: 10, url: primary.url, reason: "unknown worker" });
    expect(a.choose(at(10))).toBeUndefined();
    expect(b.choose(at(10))?.pool).toBe(primary);
    b.connected(primary, at(20));
    expect(pools.down).toBeUndefined();
  });

  test("is not down for what became of a stranger, who alone waits", () => {
    const { pools, a, b, primary } = around(1);
    a.failed(primary, at(10), { ...LOST, isStrangers: true });
    expect(pools.down).toBeUndefined();
    expect(a.choose(at(10))).toBeUndefined();
    expect(b.choose(at(10))?.pool).toBe(primary);
  });
});

describe("the return to a better pool", () => {
  const onBackup = () => {
    const all = around(2);
    all.a.failed(all.primary, at(0), LOST);
    for (const seat of [all.a, all.b]) seat.connected(all.backup, at(0));
    return all;
  };

  test("is free for others as soon as the one who tried it knows, gave it back or was served", () => {
    const { pools, a, b, primary, backup } = onBackup();
    expect(a.claimBetter(backup, at(1000))).toBe(primary);
    expect(b.claimBetter(backup, at(1000))).toBeUndefined();
    a.release();
    expect(b.claimBetter(backup, at(1000))).toBe(primary);
    b.failed(primary, at(1000), REFUSED);
    expect(b.claimBetter(backup, at(1000)), "it was refused itself").toBeUndefined();
    expect(a.claimBetter(backup, at(1000))).toBe(primary);
    a.connected(primary, at(1100));
    expect(new PoolSeat(pools).claimBetter(backup, at(1100))).toBe(primary);
  });
});

describe("a miner that was sent away to log in anew", () => {
  const address = { host: "moved.example", port: 4444 };

  test("starts where it was sent, and only the next one that comes does", () => {
    const { pools, a, primary, backup } = around(2);
    a.expectBack({ pool: backup, address }, at(0));
    expect(new PoolSeat(pools).start(at(30_000 - 1))).toEqual({ pool: backup, address });
    expect(new PoolSeat(pools).start(at(30_000 - 1))).toEqual({ pool: primary, address: primary.address });
  });

  test("is not expected for longer than 30 s, nor where the pool rests meanwhile", () => {
    const { pools, a, b, primary, backup } = around(2);
    a.expectBack({ pool: backup, address }, at(0));
    expect(new PoolSeat(pools).start(at(30_000))?.pool).toBe(primary);
    a.expectBack({ pool: backup, address }, at(30_000));
    b.failed(backup, at(30_000), LOST);
    expect(new PoolSeat(pools).start(at(30_000))?.pool).toBe(primary);
  });
});
