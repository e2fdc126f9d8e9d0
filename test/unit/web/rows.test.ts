import { describe, expect, test } from "vitest";
import { groupValuations, toGpuTitle, toLength, toTrust, toWork } from "../../../src/web/rows.ts";
import { fakeGpu, fakeJob, fakeValuations, START_MS } from "../../support/fake-rig-port.ts";

const [hashing] = fakeValuations();
const valuation = (label: string, net: number | null, chosen = false, gpu = "GPU-0") => ({
  ...(hashing ?? fakeValuations()[0]),
  label,
  gpu,
  chosen,
  netUsdPerHour: net,
});
const gpus = (count: number) => Array.from({ length: count }, (_, index) => fakeGpu({ uuid: `GPU-${index}`, index }));

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

  test("says how far its joules can be trusted", () => {
    expect(toTrust(fakeJob(1, { energyQuality: "assumed", energyErrorPct: 30 }))).toBe("assumed ±\u00a030\u00a0%");
    expect(toTrust(fakeJob(1, { energyQuality: "counter", energyErrorPct: 1.5 }))).toBe("counter ±\u00a01.5\u00a0%");
    expect(toTrust(fakeJob(1, { energyQuality: null, energyErrorPct: null }))).toBe("");
  });

  test("grows until the job ends", () => {
    const job = fakeJob(1, { startedMs: START_MS, endedMs: null });
    expect(toLength(job, START_MS + 5000)).toBe(5000);
    expect(toLength({ ...job, endedMs: START_MS + 700 }, START_MS + 5000)).toBe(700);
  });
});
