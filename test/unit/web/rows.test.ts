import { describe, expect, test } from "vitest";
import {
  groupValuations,
  toAmount,
  toFaults,
  toGpuTitle,
  toJobTone,
  toLength,
  toOutcome,
  toOwnOrder,
  toPriceOrigins,
  toTrust,
  toWork,
  toWorkload,
} from "../../../src/web/rows.ts";
import { fakeGpu, fakeJob, fakeRig, fakeValuations, START_MS } from "../../support/fake-rig-port.ts";

const [hashing] = fakeValuations();
const valuation = (label: string, net: number | null, chosen = false, gpu = "GPU-0") => ({
  ...(hashing ?? fakeValuations()[0]),
  label,
  gpu,
  chosen,
  netUsdPerHour: net,
});
const gpus = (count: number) => Array.from({ length: count }, (_, index) => fakeGpu({ uuid: `GPU-${index}`, index }));

test("a job's flight sheet is told where it is called otherwise than the coin", () => {
  expect(toWorkload({ workload: "etc", sheet: null })).toBe("etc");
  expect(toWorkload({ workload: "etc", sheet: "etc" })).toBe("etc");
  expect(toWorkload({ workload: "etc", sheet: "etc-loyal" })).toBe("etc by etc-loyal");
});

test("each sheet's prices are told with their source; of one coin the market's", () => {
  const { market } = fakeRig();
  expect(toPriceOrigins({ market, coinPrices: [] })).toEqual(["sample market file, 1 Aug"]);
  const price = { sheet: "far", coin: "etc", source: "a pool", asOfMs: START_MS, invented: false };
  const coinPrices = [
    { ...price, usdPerTerahash: 1e-6 },
    { ...price, coin: "alph", usdPerTerahash: null },
  ];
  expect(toPriceOrigins({ market, coinPrices })).toEqual([
    "etc by far: a pool, 14 Sept",
    "alph by far: a pool, not believed now",
  ]);
});

describe("valuations", () => {
  const rows = [
    valuation("f", null),
    valuation("c", -0.2),
    valuation("a", 0.9),
    valuation("g", null),
    valuation("b", 0.1),
    valuation("d", -0.3),
    valuation("e", -0.4),
    valuation("z", -9, true),
  ] as Parameters<typeof groupValuations>[0];
  const labels = (count: number) =>
    groupValuations(rows, gpus(count))[0]
      ?.rows.map(({ label }) => label)
      .join("");

  test("come best first, unknown last, with the chosen one always among them", () => {
    expect(labels(1)).toBe("abcdez");
    expect(labels(3)).toBe("abcz");
    expect(labels(8)).toBe("abz");
  });

  test("say how many they leave out", () => expect(groupValuations(rows, gpus(8))[0]?.hidden).toBe(5));

  test("leave out a GPU that has none, and those of a GPU that is gone", () => {
    expect(groupValuations(rows, gpus(2)).map(({ gpu }) => gpu)).toEqual(["GPU-0"]);
    expect(groupValuations(rows, [])).toEqual([]);
  });
});

test("a GPU shows its number only beside others", () => {
  expect([toGpuTitle({ index: 3, name: "RTX 4090" }, 1), toGpuTitle({ index: 3, name: "RTX 4090" }, 8)]).toEqual([
    "RTX 4090",
    "GPU 3 · RTX 4090",
  ]);
});

describe("a job's row", () => {
  test("counts shares for hashing and tokens for the rest", () => {
    const hashJob = { kind: "hashing", tokensIn: null, tokensOut: null } as const;
    expect(toWork(fakeJob(0, { ...hashJob, sharesAccepted: 1, sharesRejected: 0 }))).toBe("1 share");
    expect(toWork(fakeJob(0, { ...hashJob, sharesAccepted: 1742, sharesRejected: 3 }))).toBe(
      "1,742 shares, 3 rejected",
    );
    expect(toWork(fakeJob(0, { ...hashJob, sharesAccepted: null, sharesRejected: null }))).toBe("– shares");
    expect(toWork(fakeJob(1, { tokensIn: 38, tokensOut: 1640 }))).toBe("38 → 1,640 tokens");
    expect(toWork(fakeJob(1, { tokensIn: null, tokensOut: null }))).toBe("–");
  });

  test("reads as refused, and not as the rig's failure, when a customer was sent away", () => {
    const outcomeOf = (outcome: string | null, kind = "completion") => toOutcome(fakeJob(1, { kind, outcome }));
    expect(outcomeOf("expired")).toEqual({ text: "refused", isBad: false });
    expect(outcomeOf("cancelled")).toEqual({ text: "cancelled", isBad: false });
    expect(outcomeOf("interrupted")).toEqual({ text: "interrupted", isBad: true });
    expect(outcomeOf("failed")).toEqual({ text: "failed", isBad: true });
    expect(outcomeOf("expired", "lease")).toEqual({ text: "expired", isBad: true });
    expect([outcomeOf("completed"), outcomeOf(null)]).toEqual([undefined, undefined]);
  });

  test("wears the colour of what the GPU does for it", () => {
    const kinds = ["hashing", "completion", "batch", "lease", "external"] as const;
    expect(kinds.map(toJobTone)).toEqual(["hashing", "inference", "inference", "rented", "rented"]);
  });

  test("says how far its joules can be trusted", () => {
    expect(toTrust(fakeJob(1, { energyQuality: "assumed", energyErrorPct: 30 }))).toBe("assumed ±\u00a030\u00a0%");
    expect(toTrust(fakeJob(1, { energyQuality: "counter", energyErrorPct: 1.5 }))).toBe("counter ±\u00a01.5\u00a0%");
    const loose = fakeJob(1, { energyMj: 15_000_000, energyQuality: "assumed", energyErrorPct: 110 });
    expect(toTrust(loose)).toBe("assumed at most 31.5 kJ");
    expect(toTrust(fakeJob(1, { energyQuality: null, energyErrorPct: null }))).toBe("");
  });

  test("grows until the job ends", () => {
    const job = fakeJob(1, { startedMs: START_MS, endedMs: null });
    expect(toLength(job, START_MS + 5000)).toBe(5000);
    expect(toLength({ ...job, endedMs: START_MS + 700 }, START_MS + 5000)).toBe(700);
  });
});

test("one is singular, and what is unknown is not one", () => {
  expect([toAmount(1, "token"), toAmount(0, "token"), toAmount(1200, "token"), toAmount(null, "token")]).toEqual([
    "1 token",
    "0 tokens",
    "1,200 tokens",
    "– tokens",
  ]);
});

test("a GPU shows its own order only where it has one", () => {
  const rig = fakeRig({ mode: "auto", modeUntilMs: null });
  expect(toOwnOrder(fakeGpu(), rig)).toBeUndefined();
  expect(toOwnOrder(fakeGpu({ mode: "mine" }), rig)).toBe("mine");
  expect(toOwnOrder(fakeGpu({ modeUntilMs: START_MS + 60_000 }), rig)).toMatch(/^auto until \d\d:41:00$/);
});

describe("what is broken", () => {
  test("is nothing while all works, also while things start", () => {
    const { engine, pool } = fakeRig();
    expect(toFaults(fakeRig())).toEqual([]);
    expect(toFaults(fakeRig({ engine: null, pool: null }))).toEqual([]);
    expect(
      toFaults(
        fakeRig({ engine: engine && { ...engine, state: "starting" }, pool: pool && { ...pool, state: "connecting" } }),
      ),
    ).toEqual([]);
  });

  test("is the pool, the engine and every GPU that failed or is gone, with the reason", () => {
    const { engine, pool } = fakeRig();
    const faults = toFaults(
      fakeRig({
        pool: pool && { ...pool, state: "down", reason: "connection refused", sinceMs: START_MS },
        engine: engine && { ...engine, state: "failed", reason: "out of memory" },
        gpus: [
          fakeGpu({ state: "faulted", why: "the loop failed", sinceMs: START_MS }),
          fakeGpu({ index: 1, health: "lost", why: "it fell off the bus" }),
          fakeGpu({ index: 2 }),
        ],
      }),
    );
    expect(faults.map(({ title, reason }) => `${title}: ${reason}`)).toEqual([
      "The pool is down: connection refused",
      "The engine failed: out of memory",
      "GPU 0 · AMD Ryzen 9 7950X (CPU device) is out of work: the loop failed",
      "GPU 1 · AMD Ryzen 9 7950X (CPU device) is out of work: lost. it fell off the bus",
    ]);
  });
});
