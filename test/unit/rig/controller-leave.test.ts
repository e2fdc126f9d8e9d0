import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { millis } from "../../../src/units/time.ts";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import { NEVER } from "./bench.ts";
import { ControllerBench } from "./controller-bench.ts";

let rig: ControllerBench;
beforeEach(async () => {
  rig = await ControllerBench.open();
});
afterEach(() => rig[Symbol.asyncDispose]());

const stillRunning = () => [...rig.driver.running.values()].map(({ gpu }) => gpu);

/** Both GPUs hash, and the miner of the second takes three seconds to end. */
async function hashing(file: Record<string, unknown> = {}): Promise<void> {
  rig.run(file);
  await rig.until(() => [GPU_A, GPU_B].every((gpu) => rig.gpu(gpu).workload === "hashing"));
  const stop = rig.driver.stop.bind(rig.driver);
  rig.driver.stop = async (name, signal) => {
    if (name.includes(GPU_B)) await rig.clock.wait(millis(3000), NEVER);
    await stop(name, signal);
  };
}

describe("a rig that stops", () => {
  test("lets every GPU go although the last figures of one cannot be stored, and says so", async () => {
    await hashing();
    const upsert = rig.ledger.benchmarks.upsert.bind(rig.ledger.benchmarks);
    rig.ledger.benchmarks.upsert = (row) => {
      if (row.gpu === GPU_A) throw new Error("disk I/O error");
      upsert(row);
    };
    await rig.stop();
    expect(stillRunning()).toEqual([]);
    expect(rig.log.join("")).toContain("disk I/O error");
  });

  test("because part of it failed says so at once, and ends with that fault once every GPU has let go", async () => {
    await hashing({ reboot: { command: ["/sbin/reboot"] } });
    const blindSpots = () => {
      throw new Error("no such folder");
    };
    Object.assign(rig.driver, { blindSpots });
    await rig.until(() => rig.faults.length > 0);
    await expect(rig.stop()).rejects.toThrow("no such folder");
    expect(stillRunning()).toEqual([]);
  });
});
