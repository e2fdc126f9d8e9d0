import { expect, test } from "vitest";
import { SetTotals } from "../../../src/rig/set-totals.ts";
import { GPU_A, GPU_B, jobTotals } from "../../support/ledger-rows.ts";

test("the parts of a set's GPUs are added up, the newest of each", () => {
  const totals = new SetTotals();
  totals.open("set");
  totals.add("set", GPU_A, jobTotals(100));
  totals.add("set", GPU_B, jobTotals(300));
  expect(totals.add("set", GPU_A, jobTotals(200))).toMatchObject({ energy: 500, electricity: 5000 });
});

test("a sum is as good as its worst part, and as uncertain as its parts weigh", () => {
  const totals = new SetTotals();
  totals.open("set");
  totals.add("set", GPU_A, jobTotals(300, { errorPct: 2, wallErrorPct: 4 }));
  const sum = totals.add("set", GPU_B, jobTotals(100, { errorPct: 10, wallErrorPct: 12, quality: "sampled" }));
  expect(sum).toMatchObject({ quality: "sampled", errorPct: 4 });
  expect(sum.wallErrorPct).toBeCloseTo(6, 1);
});

test("an error that nothing bounds bounds no sum", () => {
  const totals = new SetTotals();
  totals.open("set");
  const { wallErrorPct: _, ...unbounded } = jobTotals(100);
  totals.add("set", GPU_A, unbounded);
  expect(totals.add("set", GPU_B, jobTotals(100))).not.toHaveProperty("wallErrorPct");
});

test("parts that are all nothing are as uncertain as the worse of them", () => {
  const totals = new SetTotals();
  totals.open("set");
  totals.add("set", GPU_A, jobTotals(0, { errorPct: 3 }));
  expect(totals.add("set", GPU_B, jobTotals(0, { errorPct: 5 }))).toMatchObject({ errorPct: 5 });
});

test("a job of one GPU is told as it is", () => {
  const totals = new SetTotals();
  totals.add("alone", GPU_A, jobTotals(100));
  expect(totals.add("alone", GPU_B, jobTotals(7))).toEqual(jobTotals(7));
});

test("only the last sets are remembered", () => {
  const totals = new SetTotals();
  for (let number = 0; number < 65; number++) totals.open(`set-${number}`);
  totals.add("set-0", GPU_A, jobTotals(100));
  expect(totals.add("set-0", GPU_B, jobTotals(7)).energy).toBe(7);
  totals.add("set-64", GPU_A, jobTotals(100));
  expect(totals.add("set-64", GPU_B, jobTotals(7)).energy).toBe(107);
});
