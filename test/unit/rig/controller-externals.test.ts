import { afterEach, beforeEach, describe, expect, test } from "vitest";
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
/** Pays more than anything else, if it only could be started. */
const SET = { name: "vast", asSet: true, start: shell("exit 1"), stop: shell("exit 0"), usdPerHour: 100 };
const budget = (maxW: number) => ({ power: { budget: { maxW, startEveryS: 0 } } });
const tries = () => rig.ledger.transitions.list(100).filter(({ to }) => to === "external");
const decided = () => rig.ledger.decisions.list(100).map(({ why }) => why);

describe("a set of GPUs that the power budget never has room for at once", () => {
  test("is not tried, and the decisions say why", async () => {
    rig.run({ external: [SET], ...budget(590) });
    await rig.until(() => rig.gpu(GPU_A).workload === "hashing" || rig.gpu(GPU_B).workload === "hashing");
    await rig.pass(300_000);
    expect(tries()).toEqual([]);
    const why =
      `vast is not started: ${GPU_A}, ${GPU_B} may draw 600 W, and the power budget of the rig is 590 W, ` +
      "so that it can never be had";
    expect(decided().some((words) => words.includes(why))).toBe(true);
    expect(rig.gpu(GPU_A).why + rig.gpu(GPU_B).why).toContain(why);
  });
});

describe("external work on one GPU for which there is no power beside the other's work", () => {
  test("waits for its turn without stopping anything, and says who has the power", async () => {
    rig.run({ external: [{ ...SET, asSet: false, gpus: [GPU_B] }], ...budget(330) });
    await rig.until(() => rig.gpu(GPU_A).workload === "hashing");
    await rig.pass(200_000);
    expect(tries()).toEqual([]);
    const why = `${GPU_B} may draw 300 W, the others 300 W now, and the power budget of the rig is 330 W`;
    expect(decided().some((words) => words.endsWith(why))).toBe(true);
  });
});

describe("a guest that takes a rig over its power budget", () => {
  test("makes our other GPU rest and say so, until it has left", async () => {
    rig.run(budget(400));
    const other = () => (rig.gpu(GPU_A).workload === "hashing" ? GPU_A : GPU_B);
    await rig.until(() => [GPU_A, GPU_B].some((gpu) => rig.gpu(gpu).workload === "hashing"));
    const [ours, theirs] = other() === GPU_A ? [GPU_A, GPU_B] : [GPU_B, GPU_A];
    rig.processes.names.set(4711, "python3");
    rig.source.own.set(theirs, { processes: [{ pid: 4711, usedMiB: 4000 }] });
    await rig.until(() => rig.gpu(theirs).workload === "external");
    await rig.until(() => rig.gpu(ours).workload === "none");
    expect(rig.gpu(ours).why).toMatch(
      /^resting because the GPUs of the rig may draw \d+ W with what is not ours on them, and its power budget is 400 W$/,
    );
    expect(rig.gpu(ours).mode).toBe("auto");
    rig.source.own.delete(theirs);
    await rig.until(() => rig.gpu(ours).workload === "hashing" || rig.gpu(theirs).workload === "hashing");
  });
});
