import { beforeEach, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, jobStart, shareRow, T0 } from "../../support/ledger-rows.ts";
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
  expect(ledger.shares.sumsSince(unixMs(0))).toMatchObject([{ accepted: 1, unknown: 0 }]);
  expect(ledger.jobs.sumSince(unixMs(T0)).sharesAccepted).toBe(1);
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0), ["j"])).toHaveLength(1);
  ledger.shares.append(late, "k");
  expect(ledger.shares.sumsSince(unixMs(0)), "only once").toMatchObject([{ accepted: 1, unknown: 0 }]);
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
