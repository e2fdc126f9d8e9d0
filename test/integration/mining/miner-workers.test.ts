import { afterEach, describe, expect, test } from "vitest";
import { rebuildHeader, type SubmitFields } from "../../../src/mining/reference/header.ts";
import { MinerWorkers } from "../../../src/mining/reference/miner-workers.ts";
import type { MinerJob } from "../../../src/mining/reference/nonce-search.ts";
import { hashHeader } from "../../../src/mining/reference/sha256d.ts";
import { meetsDifficulty } from "../../../src/mining/reference/target.ts";
import { toDifficulty } from "../../../src/units/work.ts";

const job = (id: string): MinerJob => ({
  fields: {
    id,
    prevHash: "11".repeat(32),
    coinb1: "01".repeat(40),
    coinb2: "02".repeat(40),
    branches: ["33".repeat(32)],
    version: "20000000",
    nbits: "1d00ffff",
    ntime: "68e5a000",
    cleanJobs: true,
  },
  extranonce: { extranonce1: "deadbeef", extranonce2Size: 4 },
  difficulty: toDifficulty(20_000),
});

/** Real hashing threads with everything they reported. */
class Bench {
  readonly shares: SubmitFields[] = [];
  hashes = 0;
  readonly faults: Error[] = [];
  readonly workers: MinerWorkers;
  #waiting: (() => void)[] = [];

  constructor(threads: number, paused = false) {
    this.workers = new MinerWorkers({
      threads,
      paused,
      handlers: {
        onShare: (share) => this.#note(() => this.shares.push(share)),
        onHashes: (count) =>
          this.#note(() => {
            this.hashes += count;
          }),
        onFault: (error) => this.#note(() => this.faults.push(error)),
      },
    });
  }

  async until(check: (bench: Bench) => boolean): Promise<void> {
    while (!check(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #note(note: () => void): void {
    note();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

describe("hashing threads", () => {
  let bench: Bench;
  afterEach(() => bench.workers.close());

  test("find real shares and count their hashes, no two threads the same", async () => {
    bench = new Bench(2);
    bench.workers.work(job("a"));
    await bench.until(({ shares, hashes }) => shares.length >= 20 && hashes > 0);
    const { fields, extranonce, difficulty } = job("a");
    for (const share of bench.shares)
      expect(meetsDifficulty(hashHeader(rebuildHeader(fields, extranonce.extranonce1, share)), difficulty)).toBe(true);
    const keys = bench.shares.map(({ extranonce2, nonce }) => extranonce2 + nonce);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("report nothing more once a pause is acknowledged", async () => {
    bench = new Bench(2);
    bench.workers.work(job("a"));
    await bench.until(({ shares }) => shares.length >= 3);
    await bench.workers.pause();
    const { length } = bench.shares;
    const { hashes } = bench;
    // A measurement is a full round trip through every thread: whatever was on its way has arrived by then.
    await bench.workers.measure(1);
    expect([bench.shares.length, bench.hashes]).toEqual([length, hashes]);
  });

  test("follow the jobs while paused, and resume with the newest", async () => {
    bench = new Bench(1, true);
    bench.workers.work(job("a"));
    bench.workers.work(job("b"));
    await bench.workers.measure(1);
    expect(bench.shares).toEqual([]);
    await bench.workers.resume();
    await bench.until(({ shares }) => shares.length >= 1);
    expect(bench.shares.every((share) => share.job === "b")).toBe(true);
  });

  test("stand still without a job", async () => {
    bench = new Bench(1);
    bench.workers.work(job("a"));
    await bench.until(({ shares }) => shares.length >= 1);
    bench.workers.work(undefined);
    await bench.workers.measure(1);
    const { length } = bench.shares;
    await bench.workers.measure(50);
    expect(bench.shares).toHaveLength(length);
  });

  test("carry out opposite orders in the order they were given", async () => {
    bench = new Bench(1, true);
    bench.workers.work(job("a"));
    await Promise.all([bench.workers.resume(), bench.workers.pause(), bench.workers.resume()]);
    await bench.until(({ shares }) => shares.length >= 1);
    expect(bench.faults).toEqual([]);
  });

  test("measure themselves at a plausible rate", async () => {
    bench = new Bench(1, true);
    expect(await bench.workers.measure(100)).toBeGreaterThan(10_000);
  });

  test("end without a fault when they are closed", async () => {
    bench = new Bench(2);
    bench.workers.work(job("a"));
    await bench.workers.close();
    expect(bench.faults).toEqual([]);
  });
});
