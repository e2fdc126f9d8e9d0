import { beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { ShareSums } from "../../../src/ledger/share-sums.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { hours, unixMs } from "../../../src/units/time.ts";
import { GPU_A, jobStart, jobTotals, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const DAY = hours(24);
const ETC = { sheet: "etc", coin: "etc" };

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});

const since = (from: number): readonly ShareSums[] => ledger.shares.sumsSince(unixMs(from));
const total = (of: "energyMj" | "hashingMs" | "accepted", from = 0): number =>
  since(from).reduce((all, sums) => all + sums[of], 0);

/** A share a day and 1,000 mJ with each, in one job. */
function hashFor(days: number): void {
  ledger.jobs.startJob(jobStart({ id: "j", workload: "etc", sheet: "etc" }));
  for (let day = 0; day < days; day++) {
    ledger.shares.append(shareRow({ ...ETC, at: unixMs(T0 + (day + 0.5) * DAY) }), "j");
    const slotStart = unixMs(T0 + (day + 0.5) * DAY);
    const energy = milliJoules(1000);
    ledger.energy.bookSegment(
      [{ gpu: GPU_A, slotStart, sink: "hashing", jobId: "j", energy, quality: "counter" }],
      [{ gpu: GPU_A, slotStart, energy, quality: "counter" }],
    );
    ledger.jobs.recordTotals("j", jobTotals((day + 1) * 1000));
  }
}

describe("a job that hashes for weeks", () => {
  test("costs as many joules per difficulty after its old shares were deleted", () => {
    hashFor(20);
    const [before] = since(0);
    ledger.shares.prune(unixMs(T0 + 12 * DAY), 5000);
    expect(since(0)).toEqual([before]);
    expect(before).toMatchObject({ accepted: 20, difficulty: 10, energyMj: 20_000, hashingMs: 19.5 * DAY });
    expect(ledger.energy.contradictions().filter(({ what }) => /shares|difficulty|work/.test(what))).toEqual([]);
  });

  test("is in a later span with the shares, the joules and the time of that span", () => {
    hashFor(5);
    expect(since(T0 + 3 * DAY)).toMatchObject([
      { ...ETC, accepted: 2, difficulty: 1, squaredHashes: 2 ** 63, energyMj: 2000, hashingMs: 1.5 * DAY },
    ]);
  });

  test("is in a span whose shares are deleted in part with the part of its sums that its time has", () => {
    hashFor(20);
    ledger.shares.prune(unixMs(T0 + 15 * DAY), 5000);
    const [sums] = since(T0 + 9.75 * DAY);
    expect(sums).toMatchObject({ accepted: 10, difficulty: 5, energyMj: 10_000, hashingMs: 9.75 * DAY });
  });

  test("is in no span that begins after its end", () => {
    hashFor(2);
    expect(since(T0 + 2 * DAY)).toEqual([]);
  });
});

describe("hashing without a share", () => {
  test("costs time and joules in the line of its coin", () => {
    for (let i = 0; i < 10; i++) {
      const started = unixMs(T0 + i * 120_000);
      const coins = [{ coin: "etc", algorithm: "sha256d" }];
      ledger.jobs.startJob(jobStart({ id: `j${i}`, workload: "etc", sheet: "etc", coins, started }));
      if (i % 5 === 0) ledger.shares.append(shareRow({ ...ETC, at: started }), `j${i}`);
      ledger.jobs.recordTotals(`j${i}`, jobTotals(1000));
      ledger.jobs.endJob(`j${i}`, { ended: unixMs(started + 60_000), outcome: "completed" });
    }
    expect(since(0)).toMatchObject([{ ...ETC, accepted: 2, energyMj: 10_000, hashingMs: 600_000 }]);
  });

  test("costs time of both coins, and joules of both where neither found any", () => {
    const coins = ["etc", "alph"].map((coin) => ({ coin, algorithm: `of-${coin}` }));
    for (const id of ["lucky", "none"]) {
      const started = unixMs(T0);
      ledger.jobs.startJob(jobStart({ id, workload: "etc+alph", sheet: "pair", coins, started }));
      ledger.jobs.recordTotals(id, jobTotals(1000));
      ledger.jobs.endJob(id, { ended: unixMs(T0 + 60_000), outcome: "completed" });
    }
    ledger.shares.append(shareRow({ sheet: "pair", coin: "alph", algorithm: "of-alph" }), "lucky");
    expect(since(0)).toMatchObject([
      { coin: "alph", accepted: 1, energyMj: 1500, hashingMs: 120_000 },
      { coin: "etc", accepted: 0, energyMj: 500, hashingMs: 120_000 },
    ]);
  });

  test("is shown under its workload where nobody said what it hashes", () => {
    ledger.jobs.startJob(jobStart({ workload: "etc", sheet: "etc" }));
    ledger.jobs.recordTotals("job-1", jobTotals(7));
    expect(since(0)).toMatchObject([{ ...ETC, algorithm: null, energyMj: 7 }]);
    expect([total("energyMj"), total("accepted")]).toEqual([7, 0]);
  });
});
