import { beforeEach, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0, transitionEnd, transitionRow } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});

const route = { from: "hashing", to: "inference", rung: "warm" } as const;

test("is on record before it is tried, and lists newest first", () => {
  const first = ledger.transitions.start(transitionRow());
  const second = ledger.transitions.start(transitionRow({ gpu: GPU_B }));
  ledger.transitions.end(
    first,
    transitionEnd({ vramBeforeMiB: 900, vramAfterMiB: 12.5, xid: 31, detail: "slow stop" }),
  );
  expect(ledger.transitions.list(9)).toEqual([
    expect.objectContaining({ id: second, gpu: GPU_B, ended: undefined, outcome: undefined, duration: undefined }),
    {
      id: first,
      ...transitionRow(),
      ended: T0 + 4000,
      duration: 4000,
      outcome: "completed",
      energy: 90_000,
      detail: "slow stop",
      xid: 31,
      vramBeforeMiB: 900,
      vramAfterMiB: 12.5,
    },
  ]);
  expect(ledger.transitions.list(1)).toHaveLength(1);
});

test("of one GPU has a newest, ended or not", () => {
  ledger.transitions.end(ledger.transitions.start(transitionRow()), transitionEnd());
  const newest = ledger.transitions.start(transitionRow({ to: "none" }));
  ledger.transitions.start(transitionRow({ gpu: GPU_B }));
  expect(ledger.transitions.latest(GPU_A)).toMatchObject({ id: newest, to: "none", outcome: undefined });
  expect(ledger.transitions.latest("GPU-none")).toBeUndefined();
});

test("ends once", () => {
  const id = ledger.transitions.start(transitionRow());
  expect(ledger.transitions.end(id, transitionEnd({ outcome: "failed" }))).toBe(true);
  expect(ledger.transitions.end(id, transitionEnd())).toBe(false);
  expect(ledger.transitions.list(1)[0]?.outcome).toBe("failed");
});

test("is aborted when the agent died in the middle", () => {
  const done = ledger.transitions.start(transitionRow());
  ledger.transitions.end(done, transitionEnd());
  const open = ledger.transitions.start(transitionRow());
  expect(ledger.transitions.closeOpen(unixMs(T0 + 60_000), "agent was killed")).toEqual([open]);
  expect(ledger.transitions.list(1)[0]).toMatchObject({ outcome: "aborted", energy: undefined, duration: 60_000 });
});

test("teaches costs only from completed switches of the same route, newest first", () => {
  const run = (changes: Parameters<typeof transitionRow>[0], end: Parameters<typeof transitionEnd>[0]) =>
    ledger.transitions.end(ledger.transitions.start(transitionRow(changes)), transitionEnd(end));
  run({}, { ended: unixMs(T0 + 1000), energy: milliJoules(1) });
  run({}, { ended: unixMs(T0 + 2000), energy: milliJoules(2) });
  run({ gpu: GPU_B }, { ended: unixMs(T0 + 3000), energy: milliJoules(3) });
  run({}, { outcome: "failed" });
  run({ rung: "cold" }, {});
  run({ from: "inference", to: "hashing" }, {});
  run({}, { ended: unixMs(T0 - 5) });
  const durations = (gpu?: typeof GPU_A, count = 9) =>
    ledger.transitions.costs(gpu === undefined ? route : { ...route, gpu }, count).map((one) => one.duration);
  expect(durations()).toEqual([3000, 2000, 1000]);
  expect(durations(GPU_A)).toEqual([2000, 1000]);
  expect(durations(undefined, 1)).toEqual([3000]);
  expect(ledger.transitions.costs(route, 1)[0]).toMatchObject({ gpu: GPU_B, energy: 3, ended: T0 + 3000 });
});

test("says which of several of a kind had the GPU and got it", () => {
  ledger.transitions.start(transitionRow({ from: "hashing", fromName: "kaspa", to: "hashing", toName: "ravencoin" }));
  expect(ledger.transitions.list(1)[0]).toMatchObject({ fromName: "kaspa", toName: "ravencoin" });
});
