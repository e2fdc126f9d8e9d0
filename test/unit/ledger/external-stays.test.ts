import { expect, test } from "vitest";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

test("what was begun of an external workload is known for all of its GPUs, until it is over", () => {
  const { externalStays } = openMemoryLedger(new ManualClock(T0));
  const stay = { name: "vast", state: "starting", at: unixMs(T0), bootId: "boot-1" } as const;
  externalStays.put([GPU_A, GPU_B], stay);
  externalStays.put([GPU_A], { ...stay, name: "clore", bootId: undefined });
  externalStays.noteHook("vast", [GPU_A, GPU_B], { hookEnds: unixMs(T0 + 60_000), hookPid: 7, hookTicks: 9 });
  const none = { hookEnds: undefined, hookPid: undefined, hookTicks: undefined };
  const hook = { hookEnds: T0 + 60_000, hookPid: 7, hookTicks: 9 };
  expect(externalStays.list()).toEqual([
    { ...stay, ...none, name: "clore", gpu: GPU_A, bootId: undefined },
    { ...stay, ...hook, gpu: GPU_A },
    { ...stay, ...hook, gpu: GPU_B },
  ]);
  externalStays.put([GPU_A, GPU_B], { ...stay, state: "running" });
  expect(externalStays.list().at(-1)).toEqual({ ...stay, ...none, state: "running", gpu: GPU_B });
  externalStays.remove("vast", [GPU_A, GPU_B]);
  expect(externalStays.list().map(({ name }) => name)).toEqual(["clore"]);
});
