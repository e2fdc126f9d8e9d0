import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { RateBook } from "../../../src/rig/rates.ts";
import { watts } from "../../../src/units/energy.ts";
import { hashrate, tokensPerSecond } from "../../../src/units/work.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let clock: ManualClock;
let ledger: Ledger;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
});
afterEach(() => ledger.close());

const LABELS = { hashing: ["devcoin"], serving: "tiny", resting: "rest" };
const open = (gpu: typeof GPU_A = GPU_A, labels = LABELS) => new RateBook(gpu, labels, { ledger, clock });

describe("what was never measured", () => {
  test("is unknown, not nothing", () => {
    const rates = open();
    expect([rates.hashrate("devcoin"), rates.tokensPerSecond()]).toEqual([undefined, undefined]);
    for (const activity of ["hashing", "serving", "resting"] as const) expect(rates.power(activity)).toBeUndefined();
  });

  test("is not stored either", () => {
    open().store();
    expect(ledger.benchmarks.list()).toEqual([]);
  });
});

describe("power", () => {
  test("begins with the first reading and follows later ones by a tenth", () => {
    const rates = open();
    rates.observePower("hashing", watts(100));
    expect(rates.power("hashing")).toBe(100);
    rates.observePower("hashing", watts(200));
    expect(rates.power("hashing")).toBe(110);
    rates.observePower("hashing", watts(200));
    expect(rates.power("hashing")).toBeCloseTo(119, 9);
  });

  test("is kept apart per activity", () => {
    const rates = open();
    rates.observePower("resting", watts(10));
    rates.observePower("serving", watts(90));
    expect([rates.power("resting"), rates.power("serving"), rates.power("hashing")]).toEqual([10, 90, undefined]);
  });
});

describe("the hashrate", () => {
  test("is the live one while there is one, with its basis", () => {
    const rates = open();
    rates.observeHashrate({ rate: hashrate(5e6), basis: "effective", sheet: "devcoin" });
    expect(rates.hashrate("devcoin")).toEqual({ rate: 5e6, basis: "effective" });
  });

  test("is the last one measured once hashing stopped, and called a benchmark", () => {
    const rates = open();
    rates.observeHashrate({ rate: hashrate(5e6), basis: "reported", sheet: "devcoin" });
    rates.observeHashrate(undefined);
    expect(rates.hashrate("devcoin")).toEqual({ rate: 5e6, basis: "benchmark", kind: "reported" });
  });
});

test("the engine's speed follows its requests by a tenth", () => {
  const rates = open();
  rates.observeTokens(tokensPerSecond(100));
  rates.observeTokens(tokensPerSecond(200));
  expect(rates.tokensPerSecond()).toBe(110);
});

describe("what was learned", () => {
  beforeEach(() => {
    const rates = open();
    rates.observePower("hashing", watts(64));
    rates.observeHashrate({ rate: hashrate(5e6), basis: "effective", sheet: "devcoin" });
    rates.observePower("resting", watts(9));
    rates.observePower("serving", watts(60));
    rates.observeTokens(tokensPerSecond(120));
    rates.store();
  });

  test("survives a restart, as a benchmark", () => {
    const rates = open();
    expect(rates.hashrate("devcoin")).toEqual({ rate: 5e6, basis: "benchmark", kind: "effective" });
    expect([rates.power("hashing"), rates.power("resting"), rates.power("serving")]).toEqual([64, 9, 60]);
    expect(rates.tokensPerSecond()).toBe(120);
  });

  test("is stored with its unit and the number of readings behind it, of speed and of power", () => {
    expect(ledger.benchmarks.get(GPU_A, "devcoin")).toMatchObject({ unit: "H/s", rate: 5e6, power: 64, samples: 2 });
    expect(ledger.benchmarks.get(GPU_A, "tiny")).toMatchObject({ unit: "tok/s", rate: 120, power: 60, samples: 2 });
    expect(ledger.benchmarks.get(GPU_A, "rest")).toMatchObject({ unit: "W", rate: 9, power: 9, samples: 1 });
  });

  test("is not taken for another GPU, nor for another coin", () => {
    expect(open(GPU_B).hashrate("devcoin")).toBeUndefined();
    expect(open(GPU_A, { ...LABELS, hashing: ["btc"] }).hashrate("btc")).toBeUndefined();
  });
});

test("keeps the date of what was not measured again, and takes a benchmark's figure in its place", async () => {
  const rates = open();
  rates.observePower("resting", watts(9));
  rates.take("hashing", { rate: 7e6, power: watts(70), samples: 90, basis: "benched" });
  await clock.advance(3_600_000);
  rates.observePower("resting", watts(9));
  rates.store();
  expect(ledger.benchmarks.get(GPU_A, "rest")?.at).toBe(T0 + 3_600_000);
  expect(ledger.benchmarks.get(GPU_A, "devcoin")).toMatchObject({ rate: 7e6, power: 70, basis: "benched", at: T0 });
  expect(open().hashrate("devcoin")).toEqual({ rate: 7e6, basis: "benchmark" });
});

test("holds a benchmark's figure against what the miner says, but not against what its pool accepts", async () => {
  const rates = open();
  rates.take("hashing", { rate: 7e6, power: watts(70), samples: 90, basis: "adopted" }, "devcoin");
  await clock.advance(3_600_000);
  rates.observeHashrate({ rate: hashrate(9e6), basis: "reported", sheet: "devcoin" });
  rates.observePower("hashing", watts(70), "devcoin");
  rates.store();
  expect(rates.hashrate("devcoin")).toEqual({ rate: 9e6, basis: "reported" });
  expect(ledger.benchmarks.get(GPU_A, "devcoin")).toMatchObject({ rate: 7e6, samples: 90, basis: "adopted", at: T0 });
  rates.observeHashrate({ rate: hashrate(8e6), basis: "effective", sheet: "devcoin" });
  rates.store();
  const effective = { rate: 8e6, samples: 91, basis: "watched", at: T0 + 3_600_000 };
  expect(ledger.benchmarks.get(GPU_A, "devcoin")).toMatchObject(effective);
});

test("is stored by itself once a minute, so that a killed agent loses a minute at most", async () => {
  const rates = open();
  rates.observePower("resting", watts(9));
  await clock.advance(59_999);
  rates.observePower("resting", watts(9));
  expect(ledger.benchmarks.list()).toEqual([]);
  await clock.advance(1);
  rates.observePower("resting", watts(9));
  expect(ledger.benchmarks.get(GPU_A, "rest")).toMatchObject({ samples: 3, at: T0 + 60_000 });
});
