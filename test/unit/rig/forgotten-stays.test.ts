import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StayState } from "../../../src/ledger/external-stays.ts";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import { ControllerBench } from "./controller-bench.ts";

let rig: ControllerBench;
beforeEach(async () => {
  rig = await ControllerBench.open();
});
afterEach(async () => {
  expect(rig.faults).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

const shell = (script: string) => ({ command: ["/bin/sh", "-c", script] });
/** Nothing of it is ever worth a start. */
const VAST = { name: "vast", start: shell("exit 0"), stop: shell("exit 0"), usdPerHour: 0 };

function left(gpus: readonly GpuUuid[], state: StayState = "running", name = "vast"): void {
  rig.ledger.externalStays.put(gpus, { name, state, at: rig.clock.now(), bootId: undefined });
}

const isHashing = (gpu: GpuUuid) => () => rig.gpu(gpu).workload === "hashing";
const stays = () => rig.ledger.externalStays.list().map(({ name, gpu }) => [name, gpu]);

describe("external work that an earlier agent left and the configuration no longer names", () => {
  test("keeps its GPU, and only that one, from everything of ours, and says what to do", async () => {
    left([GPU_A]);
    rig.run();
    await rig.until(isHashing(GPU_B));
    await rig.pass(30_000);
    expect(rig.gpu(GPU_A)).toMatchObject({ workload: "external", name: "vast", state: "rented" });
    expect(rig.gpu(GPU_A).why).toBe(
      "vast may still run: an earlier agent left it running, and rig.yaml does not name it any more, so that nobody " +
        "can be asked; put it back into rig.yaml and restart the agent, or end it yourself and then say so: " +
        `rigshift mode auto --gpu ${GPU_A}`,
    );
    expect([...rig.driver.running.values()].every(({ gpu }) => gpu === GPU_B)).toBe(true);
    expect(rig.log.join("")).toContain("vast may still run");
  });

  test("is over when the operator orders this very GPU to work, and by no other order", async () => {
    left([GPU_A]);
    const controller = rig.run();
    await rig.until(isHashing(GPU_B));
    controller.setMode({ mode: "auto", by: "test" });
    controller.setMode({ mode: "auto", gpu: GPU_B, by: "test" });
    controller.setMode({ mode: "pause", gpu: GPU_A, by: "test" });
    await rig.pass(5000);
    expect(stays()).toEqual([["vast", GPU_A]]);
    controller.setMode({ mode: "auto", gpu: GPU_A, by: "test" });
    expect(stays()).toEqual([]);
    await rig.until(isHashing(GPU_A));
  });

  test("is still held by the agent after the next one", async () => {
    left([GPU_A]);
    rig.run();
    await rig.until(() => rig.gpu(GPU_A).workload === "external");
    await rig.stop();
    expect(stays()).toEqual([["vast", GPU_A]]);
    expect(rig.ledger.gpuFaults.countSince(GPU_A, rig.clock.now())).toBe(0);
    rig.run();
    await rig.until(isHashing(GPU_B));
    expect(rig.gpu(GPU_A).workload).toBe("external");
  });

  test("on a GPU that is not in this rig any more holds nothing", async () => {
    left(["GPU-gone"]);
    rig.run();
    await rig.until(() => [GPU_A, GPU_B].every((gpu) => isHashing(gpu)()));
    expect(stays()).toEqual([["vast", "GPU-gone"]]);
  });
});

describe("external work that an earlier agent left where the configuration has other GPUs for it", () => {
  test("holds the GPU that it was moved from, where it was being stopped", async () => {
    left([GPU_A], "stopping");
    rig.run({ external: [{ ...VAST, gpus: [GPU_B] }] });
    await rig.until(isHashing(GPU_B));
    expect(rig.gpu(GPU_A).why).toContain("an earlier agent was stopping it, and rig.yaml gives it other GPUs now");
  });

  test("holds what is left of a set that lacks a GPU now", async () => {
    left([GPU_A, "GPU-gone"]);
    rig.run({ external: [{ ...VAST, gpus: [GPU_A, "GPU-gone"], asSet: true }] });
    await rig.until(isHashing(GPU_B));
    expect(rig.gpu(GPU_A).why).toContain("its set lacks GPU-gone now");
  });

  test("is taken over where it is configured as before", async () => {
    left([GPU_A]);
    rig.run({ external: [VAST] });
    await rig.until(() => rig.gpu(GPU_A).workload === "external");
    expect(rig.gpu(GPU_A).why).not.toContain("may still run");
  });
});
