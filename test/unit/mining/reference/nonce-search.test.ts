import { describe, expect, test } from "vitest";
import { rebuildHeader } from "../../../../src/mining/reference/header.ts";
import { ExtranonceCounter, type MinerJob, NonceSearch } from "../../../../src/mining/reference/nonce-search.ts";
import { hashHeader } from "../../../../src/mining/reference/sha256d.ts";
import { meetsDifficulty } from "../../../../src/mining/reference/target.ts";
import { difficulty, toDifficulty } from "../../../../src/units/work.ts";

const job = (hashesPerShare: number): MinerJob => ({
  fields: {
    id: "a1",
    prevHash: "11".repeat(32),
    coinb1: "01".repeat(40),
    coinb2: "02".repeat(40),
    branches: ["33".repeat(32), "44".repeat(32)],
    version: "20000000",
    nbits: "1d00ffff",
    ntime: "68e5a000",
    cleanJobs: true,
  },
  extranonce: { extranonce1: "deadbeef", extranonce2Size: 4 },
  difficulty: toDifficulty(hashesPerShare),
});

describe("ExtranonceCounter", () => {
  test("gives each worker its own values", () => {
    const workers = [0, 1, 2].map((index) => new ExtranonceCounter(index, 3));
    const taken = workers.flatMap((counter) => Array.from({ length: 50 }, () => counter.take(4)));
    expect(new Set(taken).size).toBe(150);
  });

  test("writes as many bytes as the pool asks for", () => {
    const counter = new ExtranonceCounter(254, 1);
    expect([counter.take(1), counter.take(2), counter.take(8)]).toEqual(["fe", "00ff", "0000000000000100"]);
  });

  test("wraps when the size holds no more values", () => {
    const counter = new ExtranonceCounter(255, 1);
    expect([counter.take(1), counter.take(1)]).toEqual(["ff", "00"]);
  });
});

describe("NonceSearch", () => {
  test("finds shares that meet the difficulty when their header is rebuilt", () => {
    const work = job(500);
    const shares = new NonceSearch(work, new ExtranonceCounter(0, 1)).step(20_000);
    expect(shares.length).toBeGreaterThan(10);
    for (const share of shares) {
      const hash = hashHeader(rebuildHeader(work.fields, work.extranonce.extranonce1, share));
      expect(meetsDifficulty(hash, work.difficulty)).toBe(true);
      expect(share).toMatchObject({ job: "a1", ntime: "68e5a000", extranonce2: "00000000" });
    }
  });

  test("finds the same shares however its work is cut into steps", () => {
    const whole = new NonceSearch(job(500), new ExtranonceCounter(0, 1)).step(10_000);
    const search = new NonceSearch(job(500), new ExtranonceCounter(0, 1));
    const pieces = [1, 99, 900, 4000, 5000].flatMap((count) => search.step(count));
    expect(pieces).toEqual(whole);
  });

  test("finds about as many shares as the difficulty says", () => {
    const shares = new NonceSearch(job(1000), new ExtranonceCounter(0, 1)).step(200_000);
    expect(shares.length).toBeGreaterThan(140);
    expect(shares.length).toBeLessThan(260);
  });

  test("never repeats itself on a job that is sent again, because its counter goes on", () => {
    const counter = new ExtranonceCounter(0, 2);
    const first = new NonceSearch(job(500), counter).step(5000);
    const again = new NonceSearch(job(500), counter).step(5000);
    expect(again.map(({ extranonce2 }) => extranonce2)).toContain("00000002");
    const keys = [...first, ...again].map(({ extranonce2, nonce }) => extranonce2 + nonce);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("finds nothing at a difficulty out of reach", () => {
    const hard = { ...job(1), difficulty: difficulty(1e9) };
    expect(new NonceSearch(hard, new ExtranonceCounter(0, 1)).step(5000)).toEqual([]);
  });
});
