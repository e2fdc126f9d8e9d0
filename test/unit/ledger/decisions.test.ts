import { expect, test } from "vitest";
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
