import { afterEach, beforeEach, expect, test } from "vitest";
import { jobStart, shareRow } from "../../support/ledger-rows.ts";
import { RigBench } from "./bench.ts";

let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.start();
  rig.findsShares = false;
});
afterEach(() => rig[Symbol.asyncDispose]());

const begin = (id: string) => {
  rig.ledger.jobs.startJob(jobStart({ id, workload: "devcoin", started: rig.clock.now() }));
  rig.watch.begin(id);
};
/** 1.2 MH at 20 USD/TH. */
const SHARE_WORTH = 24_000;

test("a share that is answered only after the next job began pays the job that sent it", async () => {
  begin("hash-1");
  await rig.clock.advance(60_000);
  const sent = shareRow({ at: rig.clock.now(), expectedHashes: 1_200_000 });
  rig.watch.end();
  await rig.clock.advance(3000);
  begin("hash-2");
  await rig.clock.advance(500);
  rig.watch.record({ ...sent, latencyMs: 3500 });
  expect(rig.hashingJobs.map(({ sharesAccepted, revenue }) => [sharesAccepted, revenue])).toEqual([
    [1, SHARE_WORTH],
    [0, undefined],
  ]);
});

test("a share that was given up and is answered after all pays the job that it was counted for, once", async () => {
  begin("hash-1");
  const sent = shareRow({ at: rig.clock.now(), expectedHashes: 1_200_000 });
  await rig.clock.advance(60_000);
  rig.watch.record({ ...sent, verdict: "unknown" });
  rig.watch.end();
  begin("hash-2");
  await rig.clock.advance(5000);
  for (const latencyMs of [65_000, 65_001]) rig.watch.record({ ...sent, isLate: true, latencyMs });
  expect(rig.hashingJobs.map(({ sharesAccepted, revenue }) => [sharesAccepted, revenue])).toEqual([
    [1, SHARE_WORTH],
    [0, undefined],
  ]);
});

test("an answer that nobody waits for any more pays nothing", async () => {
  begin("hash-1");
  await rig.clock.advance(1000);
  rig.watch.record(shareRow({ at: rig.clock.now(), isLate: true, latencyMs: 500 }));
  expect(rig.hashingJobs[0]).toMatchObject({ sharesAccepted: 0, revenue: undefined });
});

test("a share of a miner that hashed before the first job began is that job's", async () => {
  await rig.clock.advance(1000);
  const sent = shareRow({ at: rig.clock.now(), expectedHashes: 1_200_000 });
  await rig.clock.advance(1000);
  begin("hash-1");
  rig.watch.record({ ...sent, latencyMs: 1000 });
  expect(rig.hashingJobs[0]?.revenue).toBe(SHARE_WORTH);
});

test("jobs so old that no answer can be theirs are forgotten, but for the one that was under way then", async () => {
  begin("hash-1");
  await rig.clock.advance(20 * 60_000);
  begin("hash-2");
  await rig.clock.advance(60_000);
  begin("hash-3");
  rig.watch.record(shareRow({ at: rig.clock.now(), latencyMs: 60_001, expectedHashes: 1_200_000 }));
  expect(rig.hashingJobs.map(({ revenue }) => revenue)).toEqual([SHARE_WORTH, undefined, undefined]);
});
