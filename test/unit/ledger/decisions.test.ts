import { expect, test } from "vitest";
import { unixMs } from "../../../src/units/time.ts";
import { decisionRow, GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

test("keeps every decision with what it was taken on, newest first", () => {
  const { decisions } = openMemoryLedger(new ManualClock(T0));
  const first = decisions.append(decisionRow());
  const second = decisions.append(decisionRow({ action: "keep", rule: "min-dwell" }));
  const other = decisions.append(decisionRow({ gpu: GPU_B }));
  expect(decisions.list(9).map((row) => row.id)).toEqual([other, second, first]);
  expect(decisions.list(1)).toHaveLength(1);
  expect(decisions.last(GPU_A)).toEqual({ id: second, ...decisionRow({ action: "keep", rule: "min-dwell" }) });
});

test("knows no last decision of a GPU that never had one", () => {
  expect(openMemoryLedger(new ManualClock(T0)).decisions.last(GPU_B)).toBeUndefined();
});

test("knows which decision was in force at a time, and which GPUs ever decided", () => {
  const { decisions } = openMemoryLedger(new ManualClock(T0));
  expect(decisions.gpus()).toEqual([]);
  decisions.append(decisionRow());
  const second = decisions.append(decisionRow({ at: unixMs(T0 + 1000), rule: "linger" }));
  decisions.append(decisionRow({ gpu: GPU_B, at: unixMs(T0 + 2000) }));
  expect(decisions.inForce(GPU_A, unixMs(T0 - 1))).toBeUndefined();
  expect(decisions.inForce(GPU_A, unixMs(T0 + 999))).toMatchObject({ rule: "arrival" });
  expect(decisions.inForce(GPU_A, unixMs(T0 + 1000))).toMatchObject({ id: second, rule: "linger" });
  expect(decisions.inForce(GPU_A, unixMs(T0 + 9000))).toMatchObject({ id: second });
  expect(decisions.gpus()).toEqual([GPU_A, GPU_B]);
});

test("says which of several of a kind was decided on, also once its inputs are forgotten", () => {
  const { decisions } = openMemoryLedger(new ManualClock(T0));
  const named = { from: "hashing", fromName: "kaspa", to: "hashing", toName: "ravencoin" } as const;
  decisions.append(decisionRow(named));
  expect(decisions.last(GPU_A)).toMatchObject(named);
  expect(decisions.forgetInputs(unixMs(T0 + 1), 9)).toBe(1);
  expect(decisions.last(GPU_A)).toMatchObject({ ...named, inputs: "{}" });
});
