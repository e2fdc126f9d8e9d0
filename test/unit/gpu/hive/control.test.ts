import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { HiveControl } from "../../../../src/gpu/hive/control.ts";
import type { ToolEnd } from "../../../../src/gpu/hive/tool.ts";
import { watts } from "../../../../src/units/energy.ts";
import { millis } from "../../../../src/units/time.ts";
import { GPU_A } from "../../../support/ledger-rows.ts";

const control = (takesMs: number) =>
  new HiveControl({
    tool: "nvtool",
    driver: undefined,
    callTimeout: millis(400),
    gpus: () => Promise.resolve([{ uuid: GPU_A, index: 0, name: "card" }]),
    run: (_file, _args, signal): Promise<ToolEnd> =>
      setTimeout(takesMs, { kind: "ended", exitCode: 0, output: "" } as const, { signal }).catch(() => ({
        kind: "not-run",
        reason: "it took too long",
      })),
  });
const setAll = (of: HiveControl, count: number) => {
  const { signal } = new AbortController();
  return Promise.all(Array.from({ length: count }, () => of.setPowerLimit(GPU_A, watts(200), signal)));
};

test("a call that waits for its turn has its whole time left when it comes", async () => {
  expect(await setAll(control(100), 8)).toEqual(Array.from({ length: 8 }, () => ({ kind: "done" })));
});

test("a call that hangs is given up, and the next one has its turn", async () => {
  expect(await setAll(control(10_000), 2)).toEqual([{ kind: "unavailable" }, { kind: "unavailable" }]);
});

test("settings of which the tool or the driver tells nothing are not read, rather than found without locks", async () => {
  const { signal } = new AbortController();
  await expect(control(10_000).readSettings(GPU_A, signal)).rejects.toThrow("did not answer");
  const silent = new HiveControl({
    tool: "nvtool",
    driver: { readSettings: () => Promise.resolve({}) },
    gpus: () => Promise.resolve([{ uuid: GPU_A, index: 0, name: "card" }]),
    run: () => Promise.resolve({ kind: "ended", exitCode: 0, output: "" }),
  });
  await expect(silent.readSettings(GPU_A, signal)).rejects.toThrow("tells nothing");
});

test("a tool that did not tell the locks when they were found locks nothing in that stay, though it tells them later", async () => {
  const { signal } = new AbortController();
  const calls: string[] = [];
  let exitCode = 1;
  const hive = new HiveControl({
    tool: "nvtool",
    driver: undefined,
    gpus: () => Promise.resolve([{ uuid: GPU_A, index: 0, name: "card" }]),
    run: (_file, args) => {
      calls.push(args.slice(2).join(" "));
      return Promise.resolve({ kind: "ended", exitCode, output: "" });
    },
  });
  const lock = { domain: "memory", lowestMhz: 810, highestMhz: 810 } as const;
  await hive.readSettings(GPU_A, signal);
  exitCode = 0;
  expect(await hive.lockClocks(GPU_A, lock, signal)).toMatchObject({ kind: "refused" });
  expect(calls).toEqual(["--getclocks"]);
  await hive.readSettings(GPU_A, signal);
  expect(await hive.lockClocks(GPU_A, lock, signal)).toEqual({ kind: "done" });
});
