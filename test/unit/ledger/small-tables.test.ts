import { beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});
const at = unixMs(T0);

describe("benchmarks", () => {
  const row = { gpu: GPU_A, label: "sha256d", rate: 12e6, unit: "H/s", samples: 5, at };

  test("keep the newest figure per GPU and workload", () => {
    ledger.benchmarks.upsert({ ...row, power: watts(65) });
    ledger.benchmarks.upsert({ ...row, rate: 13e6, samples: 9 });
    ledger.benchmarks.upsert({ ...row, gpu: GPU_B });
    const newest = {
      ...row,
      rate: 13e6,
      samples: 9,
      power: undefined,
      concurrency: 0,
      basis: "watched",
      rateKind: undefined,
    };
    expect(ledger.benchmarks.get(GPU_A, "sha256d")).toEqual(newest);
    expect(ledger.benchmarks.list().map((one) => one.gpu)).toEqual([GPU_A, GPU_B]);
  });

  test("of a hashrate say whether the pool or the miner counted", () => {
    ledger.benchmarks.upsert({ ...row, rateKind: "effective" });
    expect(ledger.benchmarks.get(GPU_A, "sha256d")?.rateKind).toBe("effective");
    ledger.benchmarks.upsert({ ...row, rateKind: "reported" });
    expect(ledger.benchmarks.list().map(({ rateKind }) => rateKind)).toEqual(["reported"]);
  });

  test("are kept apart by the number of requests at once", () => {
    ledger.benchmarks.upsert({ ...row, unit: "tok/s", rate: 50 });
    ledger.benchmarks.upsert({ ...row, unit: "tok/s", rate: 40, concurrency: 1 });
    ledger.benchmarks.upsert({ ...row, unit: "tok/s", rate: 90, concurrency: 4, basis: "benched" });
    expect(ledger.benchmarks.get(GPU_A, "sha256d")).toMatchObject({ rate: 50, concurrency: 0 });
    expect(ledger.benchmarks.list().map(({ concurrency, rate, basis }) => [concurrency, rate, basis])).toEqual([
      [0, 50, "watched"],
      [1, 40, "watched"],
      [4, 90, "benched"],
    ]);
  });

  test("are absent before anything was measured", () => {
    expect(ledger.benchmarks.get(GPU_A, "sha256d")).toBeUndefined();
  });
});

describe("what observe mode would have earned", () => {
  test("adds up per UTC day over GPUs and workloads, losses included", () => {
    ledger.wouldHave.book(GPU_A, at, "hashing", usdNano(100));
    ledger.wouldHave.book(GPU_A, unixMs(T0 + 1), "hashing", usdNano(20));
    ledger.wouldHave.book(GPU_B, at, "inference", usdNano(-3));
    ledger.wouldHave.book(GPU_A, unixMs(T0 + 86_400_000), "hashing", usdNano(9));
    expect(ledger.wouldHave.sum(unixMs(T0 + 60_000))).toBe(117);
  });

  test("is listed per UTC day, newest first", () => {
    ledger.wouldHave.book(GPU_A, at, "hashing", usdNano(100));
    ledger.wouldHave.book(GPU_B, at, "inference", usdNano(-3));
    ledger.wouldHave.book(GPU_A, unixMs(T0 + 86_400_000), "hashing", usdNano(9));
    const today = Math.floor(T0 / 86_400_000) * 86_400_000;
    const [newest, first] = ledger.wouldHave.days(at);
    expect(newest).toEqual({ dayStart: today + 86_400_000, amount: 9 });
    expect(first).toEqual({ dayStart: today, amount: 97 });
    expect(ledger.wouldHave.days(unixMs(T0 + 86_400_000))).toEqual([newest]);
  });

  test("is 0 on a day without a row and never in the real sums", () => {
    expect(ledger.wouldHave.sum(at)).toBe(0);
    ledger.wouldHave.book(GPU_A, at, "hashing", usdNano(100));
    expect(ledger.jobs.sumSince(unixMs(0)).revenue).toBe(0);
  });
});

describe("native child processes", () => {
  const row = { name: "miner-a", pid: 4242, role: "miner", gpu: GPU_A, command: "node miner.ts", started: at } as const;

  test("are remembered under one name each until they are forgotten", () => {
    ledger.processes.remember({ ...row, startTicks: 99 });
    ledger.processes.remember({ ...row, pid: 4343 });
    ledger.processes.remember({ ...row, name: "engine-a", role: "engine" });
    expect(ledger.processes.list()).toEqual([
      { ...row, name: "engine-a", role: "engine", startTicks: undefined },
      { ...row, pid: 4343, startTicks: undefined },
    ]);
    ledger.processes.forget("miner-a");
    ledger.processes.forget("never-there");
    expect(ledger.processes.list().map((one) => one.name)).toEqual(["engine-a"]);
  });
});

describe("a transaction", () => {
  test("undoes everything on a fault and passes the fault on", () => {
    const fault = new Error("no");
    const attempt = () =>
      ledger.transaction(() => {
        ledger.wouldHave.book(GPU_A, at, "hashing", usdNano(5));
        throw fault;
      });
    expect(attempt).toThrow(fault);
    expect(ledger.wouldHave.sum(at)).toBe(0);
  });

  test("refuses to be held open by a promise", () => {
    expect(() => ledger.transaction(() => Promise.resolve())).toThrow("promise");
  });

  test("returns what its function returns", () => {
    expect(ledger.transaction(() => 7)).toBe(7);
  });
});
