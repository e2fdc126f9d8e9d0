import { describe, expect, test } from "vitest";
import { addToHistory, HISTORY_MS, type History } from "../../../src/web/history.ts";
import { CPU_UUID, fakeGpu, fakeRig, START_MS } from "../../support/fake-rig-port.ts";

const at = (offset: number, gpu = fakeGpu()) => fakeRig({ nowMs: START_MS + offset, gpus: [gpu] });
const build = (offsets: readonly number[]): History =>
  offsets.reduce<History>((history, offset) => addToHistory(history, at(offset)), new Map());
const offsetsOf = (history: History) => history.get(CPU_UUID)?.map(({ atMs }) => atMs - START_MS);

describe("the chart's memory", () => {
  test("grows by what the rig shows", () => {
    expect(build([0, 1000, 2000]).get(CPU_UUID)?.at(-1)).toEqual({
      atMs: START_MS + 2000,
      tone: "hashing",
      powerW: 64.8,
      hashrateHps: 24_920_000,
      tokensPerSecond: null,
    });
  });

  test("holds ten minutes and no more", () => {
    const offsets = Array.from({ length: 700 }, (_, second) => second * 1000);
    const held = offsetsOf(build(offsets));
    expect(held?.at(-1)).toBe(699_000);
    expect(held?.[0]).toBe(699_000 - HISTORY_MS);
  });

  test("takes no picture twice and none from before the last", () => {
    expect(offsetsOf(build([1000, 1000, 500, 2000]))).toEqual([1000, 2000]);
  });

  test("thins a quick series out, but never swallows a change of workload", () => {
    const quick = Array.from({ length: 41 }, (_, index) => index * 250);
    expect(offsetsOf(build(quick))).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000]);
    const changed = addToHistory(build([0]), at(100, fakeGpu({ workload: "inference" })));
    expect(offsetsOf(changed)).toEqual([0, 100]);
  });

  test("starts over after a pause longer than it reaches back", () => {
    expect(offsetsOf(build([0, 1000, HISTORY_MS + 5000]))).toEqual([HISTORY_MS + 5000]);
  });

  test("forgets a GPU that is gone", () => {
    expect([...addToHistory(build([0]), fakeRig({ gpus: [fakeGpu({ uuid: "GPU-b" })] })).keys()]).toEqual(["GPU-b"]);
  });

  test("falls back on the effective hashrate where the miner reports none", () => {
    const history = addToHistory(new Map(), at(0, fakeGpu({ hashrateReportedHps: null })));
    expect(history.get(CPU_UUID)?.[0]?.hashrateHps).toBe(24_130_000);
  });
});
