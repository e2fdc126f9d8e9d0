import { beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, jobStart, jobTotals, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});

test("gives a GPU's accepted shares since a moment, oldest first", () => {
  ledger.shares.append(shareRow({ at: unixMs(T0 + 2), expectedHashes: 20 }));
  ledger.shares.append(shareRow({ at: unixMs(T0 + 1), expectedHashes: 10 }));
  ledger.shares.append(shareRow({ at: unixMs(T0 - 1) }));
  ledger.shares.append(shareRow({ at: unixMs(T0 + 1), verdict: "stale", reason: "job 1f is old" }));
  ledger.shares.append(shareRow({ at: unixMs(T0 + 1), gpu: GPU_B }));
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(T0))).toEqual([
    { at: T0 + 1, expectedHashes: 10 },
    { at: T0 + 2, expectedHashes: 20 },
  ]);
  expect(ledger.shares.expectedHashesSince(GPU_A, unixMs(T0))).toBe(30);
});

test("an accepted share that our own check refutes proves no work", () => {
  ledger.shares.append(shareRow({ at: unixMs(T0 + 1), verified: false }));
  ledger.shares.append(shareRow({ at: unixMs(T0 + 2), verified: true, expectedHashes: 20 }));
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(T0))).toEqual([{ at: T0 + 2, expectedHashes: 20 }]);
  expect(ledger.shares.expectedHashesSince(GPU_A, unixMs(T0))).toBe(20);
});

test("sums no shares to 0 expected hashes", () => {
  expect(ledger.shares.expectedHashesSince(GPU_A, unixMs(0))).toBe(0);
});

test("a late answer takes the place of the unknown row and counts for its job", () => {
  ledger.jobs.startJob(jobStart({ id: "j" }));
  ledger.jobs.startJob(jobStart({ id: "k", gpu: GPU_B }));
  const sent = shareRow({ verdict: "unknown", reason: "the pool never answered" });
  ledger.shares.append(sent, "j");
  const { reason: _, ...rest } = sent;
  const late = { ...rest, verdict: "accepted", isLate: true, latencyMs: 65_000 } as const;
  ledger.shares.append(late, "k");
  const ofA = () => ledger.shares.sumsSince(unixMs(0)).filter(({ gpu }) => gpu === GPU_A);
  expect(ofA()).toMatchObject([{ accepted: 1, unknown: 0 }]);
  expect(ledger.jobs.sumSince(unixMs(T0)).sharesAccepted).toBe(1);
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0), ["j"])).toHaveLength(1);
  ledger.shares.append(late, "k");
  expect(ledger.energy.contradictions()).toEqual([]);
  expect(ofA(), "only once").toMatchObject([{ accepted: 1, unknown: 0 }]);
});

test("keeps a share only together with its job", () => {
  const append = () => ledger.shares.append(shareRow({ verified: true, latencyMs: 1.5 }), "no-such-job");
  expect(append).toThrow(expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_LEDGER_REFUSED" }) }));
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0))).toEqual([]);
  expect(ledger.jobs.sumSince(unixMs(T0)).sharesAccepted).toBe(0);
});

test("sums what was accepted and refused per GPU and algorithm, with the time and energy of the same jobs", () => {
  ledger.jobs.startJob(jobStart({ id: "old", started: unixMs(T0 - 1) }));
  ledger.shares.append(shareRow(), "old");
  ledger.jobs.startJob(jobStart({ id: "j" }));
  for (const verdict of [
    "accepted",
    "accepted",
    "stale",
    "duplicate",
    "low-difficulty",
    "rejected",
    "unknown",
  ] as const)
    ledger.shares.append(shareRow({ verdict }), "j");
  ledger.shares.append(shareRow({ verified: false }), "j");
  ledger.shares.append(shareRow({ at: unixMs(T0 + 9) }));
  const { energyMj, hashingMs, ...sums } = ledger.shares.sumsSince(unixMs(T0))[0] ?? {};
  expect(sums).toEqual({
    gpu: GPU_A,
    sheet: null,
    coin: null,
    energyIsShared: 0,
    algorithm: "sha256d",
    accepted: 3,
    stale: 1,
    duplicate: 1,
    lowDifficulty: 1,
    rejected: 1,
    unknown: 1,
    refuted: 1,
    difficulty: 1,
    expectedHashes: 2 ** 32,
    squaredHashes: 2 ** 63,
  });
  expect([energyMj, hashingMs]).toEqual([0, 0]);
  expect(ledger.shares.sumsSince(unixMs(T0 + 1))).toEqual([]);
});

test("keeps algorithms apart, and takes no sum to its limit", () => {
  ledger.jobs.startJob(jobStart({ id: "j" }));
  const largest = { expectedHashes: Number.MAX_SAFE_INTEGER, algorithm: "kawpow" };
  for (let i = 0; i < 1100; i++) ledger.shares.append(shareRow(largest), "j");
  ledger.shares.append(shareRow(), "j");
  expect(ledger.shares.sumsSince(unixMs(T0)).map(({ algorithm, accepted }) => [algorithm, accepted])).toEqual([
    ["kawpow", 1100],
    ["sha256d", 1],
  ]);
  expect(ledger.shares.expectedHashesSince(GPU_A, unixMs(T0))).toBeGreaterThan(2 ** 63);
});

test("says which job a share was booked for, and that a late answer which nobody waits for was not", () => {
  ledger.jobs.startJob(jobStart({ id: "j" }));
  ledger.jobs.startJob(jobStart({ id: "k", gpu: GPU_B }));
  expect(ledger.shares.append(shareRow({ verdict: "unknown" }), "j")).toEqual({ jobId: "j" });
  const late = shareRow({ isLate: true, latencyMs: 65_000 });
  expect(ledger.shares.append(late, "k")).toEqual({ jobId: "j" });
  expect(ledger.shares.append(late, "k")).toBeUndefined();
  expect(ledger.shares.append(shareRow())).toEqual({ jobId: undefined });
});

describe("two flight sheets of one coin", () => {
  beforeEach(() => {
    for (const sheet of ["near", "far"]) {
      ledger.jobs.startJob(jobStart({ id: sheet, workload: "etc", sheet }));
      ledger.shares.append(shareRow({ sheet, coin: "etc" }), sheet);
    }
    ledger.shares.append(shareRow({ sheet: "far", coin: "etc", verdict: "stale" }), "far");
    ledger.jobs.recordTotals("near", jobTotals(1000));
    ledger.jobs.recordTotals("far", jobTotals(500));
  });

  test("are told apart in jobs and sums", () => {
    expect(ledger.jobs.listJobs({ limit: 9 }).map(({ sheet, workload }) => [sheet, workload])).toEqual([
      ["near", "etc"],
      ["far", "etc"],
    ]);
    expect(
      ledger.shares.sumsSince(unixMs(0)).map(({ sheet, coin, stale, energyMj }) => [sheet, coin, stale, energyMj]),
    ).toEqual([
      ["far", "etc", 1, 500],
      ["near", "etc", 0, 1000],
    ]);
  });

  test("have each their own rejects", () => {
    const of = (sheet: string) => ledger.shares.countsOf({ sheet, coin: "etc" }, unixMs(0));
    expect([of("near"), of("far")]).toEqual([
      { accepted: 1, rejected: 0 },
      { accepted: 1, rejected: 1 },
    ]);
  });
});

describe("the joules of a job that hashed two coins", () => {
  const book = (id: string, energy: number, coins: readonly string[]) => {
    ledger.jobs.startJob(jobStart({ id, workload: "acoin+bcoin", sheet: "pair" }));
    for (const coin of coins) ledger.shares.append(shareRow({ coin, sheet: "pair", algorithm: `hash-${coin}` }), id);
    ledger.jobs.recordTotals(id, jobTotals(energy));
  };
  const shared = () => ledger.shares.sumsSince(unixMs(0)).map(({ coin, energyMj }) => [coin, energyMj]);

  test("are shared out by what each coin was worth before fees, and no joule twice", () => {
    book("one", 1001, ["acoin", "bcoin"]);
    ledger.jobs.addRevenue("one", usdNano(290), { coin: "acoin", gross: usdNano(300) });
    ledger.jobs.addRevenue("one", usdNano(100), { coin: "bcoin", gross: usdNano(100) });
    expect(shared()).toEqual([
      ["acoin", 751],
      ["bcoin", 250],
    ]);
    expect(ledger.shares.sumsSince(unixMs(0)).map(({ energyIsShared }) => energyIsShared)).toEqual([1, 1]);
  });

  test("are shared out in equal parts while nobody knows what the coins are worth", () => {
    book("one", 1001, ["acoin", "bcoin"]);
    expect(shared().reduce((sum, [, energy]) => sum + Number(energy), 0)).toBe(1001);
    expect(Math.abs(Number(shared()[0]?.[1]) - 500.5)).toBe(0.5);
  });

  test("are shared out in equal parts while one of the coins waits for its price", () => {
    book("one", 1000, ["acoin", "bcoin"]);
    ledger.jobs.addRevenue("one", usdNano(300), { coin: "acoin" });
    expect(shared()).toEqual([
      ["acoin", 500],
      ["bcoin", 500],
    ]);
  });

  test("are none of a coin whose shares were all refused", () => {
    book("one", 1000, ["acoin"]);
    ledger.shares.append(shareRow({ coin: "bcoin", sheet: "pair", verdict: "stale", algorithm: "hash-bcoin" }), "one");
    ledger.jobs.addRevenue("one", usdNano(300), { coin: "acoin" });
    expect(shared()).toEqual([
      ["acoin", 1000],
      ["bcoin", 0],
    ]);
  });

  test("are one coin's alone where the other found nothing", () => {
    book("one", 1000, ["acoin"]);
    expect(shared()).toEqual([["acoin", 1000]]);
    expect(ledger.shares.sumsSince(unixMs(0))[0]?.energyIsShared).toBe(0);
  });

  test("add up to the jobs' over any number of jobs", () => {
    let total = 0;
    for (let one = 1; one <= 50; one++) {
      book(`job-${one}`, one * 37, ["acoin", "bcoin"]);
      total += one * 37;
      ledger.jobs.addRevenue(`job-${one}`, usdNano(one), { coin: "acoin" });
      if (one % 3 > 0) ledger.jobs.addRevenue(`job-${one}`, usdNano(one * 7), { coin: "bcoin" });
    }
    expect(shared().reduce((sum, [, energy]) => sum + Number(energy), 0)).toBe(total);
  });
});
