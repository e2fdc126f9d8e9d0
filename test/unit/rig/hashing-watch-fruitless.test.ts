import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MinerControl, ownMiner } from "../../../src/rig/miner-control.ts";
import { DONE } from "../../../src/rig/outcome.ts";
import { jobStart } from "../../support/ledger-rows.ts";
import { until } from "../../support/until.ts";
import { NEVER, RigBench, workSpec } from "./bench.ts";

/** The miner claims 24 MH/s; a share stands for 1.2 MH, so that one comes every 50 ms. */
let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.start();
  rig.findsShares = false;
  const miner = new MinerControl(rig.driver, ownMiner(workSpec("miner")), { clock: rig.clock, onWork: () => {} });
  expect(await miner.start(NEVER)).toEqual(DONE);
  rig.ledger.jobs.startJob(jobStart({ id: "hash-1", workload: "devcoin", started: rig.clock.now() }));
  rig.watch.begin("hash-1");
  rig.watch.ask(miner, NEVER);
  await until(() => rig.watch.live.reported !== undefined);
});
afterEach(() => rig[Symbol.asyncDispose]());

function find(count: number, verdict: "accepted" | "rejected" | "unknown" = "accepted"): void {
  for (let one = 0; one < count; one++) rig.share(verdict);
}

describe("hashing that the pool does not pay for", () => {
  test("is told after thirty refused shares in a row", () => {
    find(29, "rejected");
    expect(rig.watch.whyFruitless).toBeUndefined();
    find(1, "rejected");
    expect(rig.watch.whyFruitless).toBe("the pool refused the last 30 shares: rejected");
  });

  test("is not told while shares are accepted between those refused, nor for shares never answered", () => {
    find(29, "rejected");
    find(1);
    find(29, "rejected");
    find(100, "unknown");
    expect(rig.watch.whyFruitless).toBeUndefined();
  });

  test("is told after ten minutes without a share, where many should have come", async () => {
    find(1);
    await rig.clock.advance(9 * 60_000);
    expect(rig.watch.whyFruitless).toBeUndefined();
    await rig.clock.advance(60_000);
    expect(rig.watch.whyFruitless).toBe("the pool has accepted no share for 10 min");
  });

  test("begins anew with every job", () => {
    find(30, "rejected");
    rig.watch.begin("hash-1");
    expect(rig.watch.whyFruitless).toBeUndefined();
  });

  test("is worth no more than so few shares bear out, whatever the miner claims", async () => {
    find(1);
    await rig.clock.advance(590_000);
    find(1, "rejected");
    const { rate = 0, basis } = rig.watch.rate() ?? {};
    expect(basis).toBe("reported");
    // One share of 1.2 MH in 590 s; 5.57 is the upper 95 % limit of one count.
    expect(rate / ((5.57 * 1_200_000) / 590)).toBeCloseTo(1, 1);
  });
});
