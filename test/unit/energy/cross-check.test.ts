import { expect, test } from "vitest";
import { createCrossCheck } from "../../../src/energy/cross-check.ts";

const TEN_S = 10_000;
const add = (check: ReturnType<typeof createCrossCheck>, counted: number, integrated: number) =>
  check.add({ length: TEN_S, counted, integrated });

test("a counter that power contradicts by more than 15 % over half a minute is in doubt", () => {
  const check = createCrossCheck();
  expect([1, 2, 3].map(() => add(check, 1000, 1160))).toEqual([false, false, true]);
});

test("less is the two sensors' own business", () => {
  const check = createCrossCheck();
  expect([1, 2, 3].map(() => add(check, 1000, 1140))).toEqual([false, false, false]);
});

test("doubt lasts until half a minute agrees again", () => {
  const check = createCrossCheck();
  for (let i = 0; i < 3; i += 1) add(check, 1000, 500);
  expect([1, 2, 3].map(() => add(check, 1000, 1000))).toEqual([true, true, false]);
});

test("short disagreements cancel out", () => {
  const check = createCrossCheck();
  expect([add(check, 1500, 1000), add(check, 500, 1000), add(check, 1000, 1000)]).toEqual([false, false, false]);
});

test("a reset begins anew", () => {
  const check = createCrossCheck();
  for (let i = 0; i < 3; i += 1) add(check, 1000, 500);
  check.clear();
  expect(add(check, 1000, 500)).toBe(false);
});

test("a counter that stands still under load is in doubt", () => {
  const check = createCrossCheck();
  expect([1, 2, 3].map(() => add(check, 0, 1000)).at(-1)).toBe(true);
});
