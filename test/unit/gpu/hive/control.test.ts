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
