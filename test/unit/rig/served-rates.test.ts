import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { bucketOf, ServedRates } from "../../../src/rig/served-rates.ts";
import { watts } from "../../../src/units/energy.ts";
import { tokensPerSecond } from "../../../src/units/work.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let clock: ManualClock;
let ledger: Ledger;
let served: ServedRates;
const open = (gpu: typeof GPU_A = GPU_A, model = "tiny") => new ServedRates({ gpu, model, ledger, clock });
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  served = open();
});
afterEach(() => ledger.close());

const speeds = () => served.list().map(({ concurrency, rate }) => [concurrency, Math.round(rate)]);

test.each([
  [0, 1],
  [1, 1],
  [1.4, 1],
  [1.5, 2],
  [3, 4],
  [5, 4],
  [6, 8],
  [1e9, 4096],
])("%s requests at once count as %s", (atOnce, bucket) => {
  expect(bucketOf(atOnce)).toBe(bucket);
});

describe("the engine's speed", () => {
  test("is unknown until a request was answered", () => {
    expect([served.list(), served.capacity()]).toEqual([[], undefined]);
  });

  test("of one request after the other is that of one", async () => {
    served.begin("a");
    await clock.advance(2000);
    served.end("a", 100);
    expect(speeds()).toEqual([[1, 50]]);
    expect(served.list()[0]).toMatchObject({ basis: "watched", samples: 1, at: T0 + 2000 });
  });

  test("of four at once is what all four write together", async () => {
    for (const id of ["a", "b", "c", "d"]) served.begin(id);
    await clock.advance(4000);
    for (const id of ["a", "b", "c", "d"]) served.end(id, 100);
    expect(speeds()).toEqual([[4, 100]]);
    expect(served.capacity()).toBe(100);
  });

  test("of a request that had company for part of its stay goes by its mean company", async () => {
    served.begin("long");
    await clock.advance(1000);
    served.begin("late");
    await clock.advance(3000);
    // (1 × 1 s + 2 × 3 s) / 4 s = 1.75 at once, which is nearer to 2: 25 tok/s of its own.
    served.end("long", 100);
    expect(speeds()).toEqual([[2, 44]]);
  });

  test("learns nothing of an answer that nobody counted, of one token, or of a request it never saw", async () => {
    served.begin("a");
    served.begin("b");
    await clock.advance(1000);
    served.end("a", undefined);
    served.end("b", 1);
    served.end("stranger", 100);
    expect(served.list()).toEqual([]);
  });

  test("has the watts that were drawn meanwhile", async () => {
    served.observePower(1, watts(55));
    served.begin("a");
    await clock.advance(1000);
    served.end("a", 100);
    served.observePower(1, watts(60));
    served.observePower(0, watts(10));
    expect(served.list()[0]?.power).toBe(60);
  });
});

describe("the ledger", () => {
  test("has each number of requests with its date, and the next agent begins with them", async () => {
    served.begin("a");
    await clock.advance(1000);
    served.end("a", 100);
    served.take(4, { rate: tokensPerSecond(300), power: watts(80), samples: 12 });
    expect(ledger.benchmarks.list()).toEqual([
      {
        gpu: GPU_A,
        label: "tiny",
        concurrency: 1,
        rate: 100,
        unit: "tok/s",
        power: undefined,
        samples: 1,
        basis: "watched",
        at: T0 + 1000,
      },
      {
        gpu: GPU_A,
        label: "tiny",
        concurrency: 4,
        rate: 300,
        unit: "tok/s",
        power: 80,
        samples: 12,
        basis: "benched",
        at: T0 + 1000,
      },
    ]);
    served = open();
    expect(speeds()).toEqual([
      [1, 100],
      [4, 300],
    ]);
    expect(open(GPU_B).list()).toEqual([]);
    expect(open(GPU_A, "other").list()).toEqual([]);
  });

  test("keeps the date of a speed that was not measured again", async () => {
    served.take(4, { rate: tokensPerSecond(300), samples: 12 });
    await clock.advance(3_600_000);
    served.store();
    expect(ledger.benchmarks.list()[0]?.at).toBe(T0);
  });
});
