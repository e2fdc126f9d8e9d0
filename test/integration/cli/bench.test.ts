import { describe, expect, test } from "vitest";
import { openLedger } from "../../../src/ledger/open.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { unixMs } from "../../../src/units/time.ts";
import { CPU_UUID, fakeGpu, fakeRig } from "../../support/fake-rig-port.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { answers, place } from "./harness.ts";

/** A place whose ledger the agent wrote a benchmark to that far from now. */
async function measured(gpu = fakeGpu({ powerW: 60, hashrateEffectiveHps: 20e6 }), agoMs = -60_000) {
  const there = await place(answers(fakeRig({ gpus: [gpu] })));
  const at = unixMs(Date.now() - agoMs);
  const ledger = openLedger(there.dataDir, { clock: new ManualClock(at), logger: silentLogger });
  ledger.benchmarks.upsert({ gpu: CPU_UUID, label: "devcoin", rate: 21e6, unit: "H/s", samples: 3, at });
  ledger.close();
  return there;
}

describe("rigshift bench", () => {
  test("measures what a hashing GPU does and draws, gives no order, and names what the agent stored", async () => {
    await using there = await measured();
    const { code, out } = await there.run("bench", "--for", "1s", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([
      {
        gpu: CPU_UUID,
        looks: expect.any(Number),
        hashrateHps: 20e6,
        basis: "effective",
        powerW: 60,
        joulesPerMegahash: 3,
        storedHps: 21e6,
      },
    ]);
    expect(there.asked.filter(({ method }) => method === "POST")).toEqual([]);
  });

  test("says so while the agent has not stored it, and when only the miner's word is known", async () => {
    await using there = await measured(fakeGpu({ hashrateEffectiveHps: null, powerW: null }), 3_600_000);
    const { out } = await there.run("bench", "--for", "1s");
    expect(out).toMatch(/ 24\.92 MH\/s {2}reported +– +– {2}not yet: the agent stores once a minute$/m);
  });

  test("leaves a GPU at its work unless told to take it", async () => {
    const serving = fakeGpu({ workload: "inference" });
    await using there = await measured(serving);
    const { code, err } = await there.run("bench", "--for", "1s");
    expect(code).toBe(2);
    expect(err).toContain("does not hash but does inference");
    expect(err).toContain("--take");
    expect(there.asked.filter(({ method }) => method === "POST")).toEqual([]);
  });

  test("told to take it, orders it to hash for the wait and the measurement, and no longer", async () => {
    const rigs = [fakeRig({ gpus: [fakeGpu({ workload: "inference" })] }), fakeRig()];
    const given = answers();
    Object.defineProperty(given, "/api/v1/rig", { get: () => (rigs.length > 1 ? rigs.shift() : rigs[0]) });
    await using there = await place(given);
    openLedger(there.dataDir, { clock: new ManualClock(Date.now()), logger: silentLogger }).close();
    expect((await there.run("bench", "--for", "1s", "--take")).code).toBe(0);
    const orders = there.asked.filter(({ method }) => method === "POST");
    expect(orders.map(({ body }) => JSON.parse(body))).toEqual([{ mode: "mine", gpu: CPU_UUID, forMs: 121_000 }]);
  });

  test.each([
    ["a GPU the rig has not", ["--gpu", "GPU-none"], "ERR_RIG_UNKNOWN_GPU"],
    ["a length that is none", ["--for", "soon"], "ERR_USAGE"],
  ])("refuses %s", async (_, args, wanted) => {
    await using there = await measured();
    const { code, err } = await there.run("bench", ...args);
    expect(code).toBe(2);
    expect(err).toContain(wanted);
  });
});
