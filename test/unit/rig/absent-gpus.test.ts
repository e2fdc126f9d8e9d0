import { afterEach, beforeEach, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import { ControllerBench } from "./controller-bench.ts";

const GONE = "GPU-gone";

let rig: ControllerBench;
beforeEach(async () => {
  rig = await ControllerBench.open();
});
afterEach(async () => {
  expect(rig.faults).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

const said = (words: string) => rig.log.filter((line) => line.includes(words));

test("the settings of a GPU that left the rig are told once at the start, with what sets them back", async () => {
  rig.ledger.foundSettings.remember(GONE, { powerLimit: watts(300) });
  rig.ledger.foundSettings.remember(GPU_A, { powerLimit: watts(300) });
  rig.run();
  await rig.until(() => rig.gpu(GPU_B).workload === "hashing");
  await rig.pass(30_000);
  const [line, ...others] = said(`gpu=${GONE}`);
  expect(others).toEqual([]);
  expect(line).toMatch(/ warn .*was not set back.*nvidia-smi -i GPU-gone -pl 300/);
  expect(said("was not set back")).toEqual([line]);
  expect(rig.ledger.foundSettings.of(GONE), "for when it is back").toEqual({ powerLimit: 300 });
});

test("external work that nobody saw end on a GPU that left the rig is told once at the start", async () => {
  const stay = { name: "vast", state: "running", at: rig.clock.now(), bootId: undefined } as const;
  rig.ledger.externalStays.put([GONE], stay);
  rig.run();
  await rig.until(() => rig.gpu(GPU_B).workload === "hashing");
  await rig.pass(30_000);
  const [line, ...others] = said(`gpu=${GONE}`);
  expect(others).toEqual([]);
  expect(line).toMatch(/ warn .*external=vast/);
  expect(rig.ledger.externalStays.list()).toMatchObject([{ name: "vast", gpu: GONE }]);
});

test("a rig that has all its GPUs tells nothing of absent ones", async () => {
  rig.run();
  await rig.until(() => rig.gpu(GPU_B).workload === "hashing");
  expect(said("that this rig does not have")).toEqual([]);
});
