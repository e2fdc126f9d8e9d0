import { afterEach, describe, expect, test } from "vitest";
import { lingerFor } from "../../../src/policy/linger.ts";
import { toUsdNano, usdNano, usdPerHour, usdPerTerahash } from "../../../src/units/money.ts";
import { seconds, unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { RigBench } from "./bench.ts";

let rig: RigBench;
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

const TOO_POOR =
  /^this request is worth \$0\.000000 and the handover costs \$0\.\d{6}; raise inference\.wakeValueUsd or the token prices$/;

describe("a rig that starts", () => {
  test("hashes, though nothing was ever measured, and brings the engine up beside it", async () => {
    rig = await RigBench.working();
    expect(rig.driver.log.toSorted()).toEqual(["start engine", "start miner"]);
    expect(rig.hashingJobs).toHaveLength(1);
    expect(rig.routes).toEqual(["none → hashing completed"]);
    expect(rig.faults).toEqual([]);
  });

  test("knows after a moment what hashing is worth, and says why it hashes", async () => {
    rig = await RigBench.working();
    await rig.pass(15_000);
    const { net, why, workload, state, hashrateEffective, reading } = rig.loop.snapshot();
    expect({ workload, state }).toEqual({ workload: "hashing", state: "open" });
    expect(net).toBeGreaterThan(0);
    expect(hashrateEffective).toBeGreaterThan(0);
    expect(reading?.power).toBe(100);
    expect(why).toBe("devcoin pays most after electricity");
  });

  test("decides once and says nothing new each second that the same holds", async () => {
    rig = await RigBench.working();
    await rig.pass(5000);
    const before = rig.decisions.length;
    await rig.pass(30_000);
    expect(rig.decisions).toHaveLength(before);
    expect(rig.decisions[0]).toMatchObject({ mode: "auto", action: "switch", from: "none", to: "hashing" });
    expect(JSON.parse(rig.decisions[0]?.inputs ?? "")).toMatchObject({
      workload: "none",
      valuations: [{}, {}, {}],
    });
  });

  test("without a coin rests, and serves when asked", async () => {
    rig = await RigBench.running({ mines: false });
    await rig.engineUp();
    expect(rig.workload).toBe("none");
    await rig.served(rig.ask("cmpl-1"));
    expect(rig.workload).toBe("inference");
  });

  test("without an engine hashes and sends nobody away", async () => {
    rig = await RigBench.running({ serves: false });
    await rig.hashing();
    await rig.pass(5000);
    expect(rig.workload).toBe("hashing");
    expect(rig.driver.log).toEqual(["start miner"]);
  });

  test("measured before, knows the worth of everything before it starts anything", async () => {
    rig = await RigBench.running({ isMeasured: true });
    await rig.until(() => rig.loop.snapshot().valuations.length === 3);
    const nets = rig.loop.snapshot().valuations.map(({ net }) => net);
    expect(nets).toEqual([expect.closeTo(1.7145, 4), expect.closeTo(-0.009, 9), expect.closeTo(-0.00285, 5)]);
  });
});

/** Pays for its handover, and is no demand that inference would own the GPU for. */
const WORTH = toUsdNano(0.005);

/** How long the rig lingers after its last request, at what it knows now. */
function lingerNow(): number {
  const { roundTrip, valuations } = rig.loop.snapshot();
  const hashing = valuations.find(({ workload }) => workload === "hashing")?.net;
  return lingerFor(roundTrip.duration, roundTrip.cost, hashing ?? usdPerHour(0));
}

describe("a request", () => {
  test("that pays for the handover wakes inference at once", async () => {
    rig = await RigBench.working();
    const asked = rig.clock.monotonic();
    const grant = await rig.served(rig.ask("cmpl-1"));
    expect(rig.clock.monotonic() - asked).toBeLessThanOrEqual(300);
    expect(grant.engine).toBe(rig.driver.engine.base);
    expect(rig.driver.miner.paused).toBe(true);
    expect(rig.transitions.at(-1)).toMatchObject({ from: "hashing", to: "inference", rung: "freeze" });
    expect(rig.hashingJobs[0]).toMatchObject({ outcome: "completed" });
    await rig.release(grant, "cmpl-1");
  });

  test("that ends is followed by lingering for what a round trip is worth, and then by hashing", async () => {
    rig = await RigBench.working({ isMeasured: true });
    const grant = await rig.served(rig.ask("cmpl-1", WORTH));
    await rig.pass(3000);
    await rig.release(grant, "cmpl-1");
    const released = rig.clock.monotonic();
    const linger = lingerNow();
    expect(linger).toBeGreaterThanOrEqual(500);
    expect(linger).toBeLessThan(5000);
    await rig.hashing();
    const lingered = rig.clock.monotonic() - released;
    expect(lingered).toBeGreaterThanOrEqual(linger);
    expect(lingered).toBeLessThanOrEqual(linger + 300);
    expect(rig.driver.log.filter((line) => line.startsWith("stop"))).toEqual([]);
    expect(rig.routes).toEqual([
      "none → hashing completed",
      "hashing → inference completed",
      "inference → hashing completed",
    ]);
  });

  test("that comes while lingering is served without a handover", async () => {
    rig = await RigBench.working();
    await rig.release(await rig.served(rig.ask("cmpl-1")), "cmpl-1");
    await rig.pass(200);
    const grant = await rig.served(rig.ask("cmpl-2"));
    expect(rig.routes).toHaveLength(2);
    await rig.release(grant, "cmpl-2");
  });

  test("keeps the GPU for as long as it runs", async () => {
    rig = await RigBench.working();
    const grant = await rig.served(rig.ask("cmpl-1"));
    await rig.pass(120_000);
    expect([rig.workload, grant.revoked.aborted]).toEqual(["inference", false]);
    expect(rig.loop.snapshot().why).toBe("answering 1 request");
    await rig.release(grant, "cmpl-1");
    expect(rig.ledger.jobs.findJob("cmpl-1")?.energy).toBeGreaterThanOrEqual(12_000_000);
  });

  test("that does not pay waits for others, and wakes inference together with them", async () => {
    rig = await RigBench.working();
    await rig.pass(10_000);
    const cost = rig.loop.snapshot().roundTrip.cost;
    const poor = rig.ask("cmpl-1", usdNano(Math.floor(cost / 2)));
    await rig.pass(5000);
    expect([poor.settled, rig.workload]).toEqual([undefined, "hashing"]);
    const others = [rig.ask("cmpl-2", usdNano(cost)), rig.ask("cmpl-3", usdNano(1))];
    for (const [index, one] of [poor, ...others].entries())
      await rig.release(await rig.served(one), `cmpl-${index + 1}`);
    expect(rig.routes.filter((route) => route.startsWith("hashing → inference"))).toHaveLength(1);
  });

  test("that never pays is refused at the longest wait with the sum that was against it, which the ledger keeps", async () => {
    rig = await RigBench.working({ rules: { maxWait: seconds(20) } });
    const asked = rig.clock.monotonic();
    const poor = rig.ask("cmpl-1", usdNano(1));
    await rig.until(() => poor.settled !== undefined);
    expect(rig.clock.monotonic() - asked).toBe(20_000);
    expect(poor.settled).toMatchObject({ reason: "max-wait", why: expect.stringMatching(TOO_POOR) });
    const decision = rig.decisions.find(({ rule }) => rule === "arrival-waits");
    expect(decision?.why).toContain("does not cover the handover's");
    expect(rig.workload).toBe("hashing");
  });

  test("of a thousand that are worth nothing does not stop the mining", async () => {
    rig = await RigBench.working({ queueLimit: 2000 });
    for (let count = 0; count < 1000; count++) rig.ask(`cmpl-${count}`, usdNano(0));
    await rig.pass(70_000);
    expect(rig.workload).toBe("hashing");
    expect(rig.queue.facts().waiting).toBe(0);
  });

  test("cuts a wait for the first share short", async () => {
    rig = await RigBench.running();
    rig.findsShares = false;
    await rig.engineUp();
    await rig.until(() => rig.custody.state === "warming");
    const grant = await rig.served(rig.ask("cmpl-1"));
    expect(rig.clock.monotonic()).toBeLessThan(5000);
    await rig.release(grant, "cmpl-1");
  });
});

describe("prices", () => {
  test("that turn hashing into a loss end it, but not before the missed money is worth the switch", async () => {
    rig = await RigBench.running({ serves: false, isMeasured: true, coin: { value: usdPerTerahash(0.01) } });
    await rig.hashing();
    const began = rig.clock.monotonic();
    await rig.until(() => rig.workload === "none");
    expect(rig.clock.monotonic() - began).toBeGreaterThanOrEqual(60_000 - 1000);
    expect(rig.transitions.at(-1)?.reason).toMatch(/^rest pays more now|^rest pays most/);
    await rig.pass(60_000);
    expect(rig.workload).toBe("none");
  });

  test("that went stale keep the work that runs", async () => {
    rig = await RigBench.running({ serves: false, isMeasured: true, coin: { asOf: unixMs(T0), maxAge: seconds(30) } });
    await rig.hashing();
    await rig.pass(120_000);
    expect(rig.workload).toBe("hashing");
    expect(rig.loop.snapshot().why).toContain("its price is stale");
  });

  test("are weighed by the time that passed, not by what the wall clock was set to", async () => {
    rig = await RigBench.running({ serves: false, isMeasured: true, coin: { value: usdPerTerahash(0.01) } });
    await rig.hashing();
    await rig.pass(2000);
    rig.clock.setWall(T0 + 10 * 3_600_000);
    await rig.pass(2000);
    rig.clock.setWall(T0 - 10 * 3_600_000);
    await rig.pass(2000);
    expect(rig.faults).toEqual([]);
  });
});

describe("a wall clock that is set", () => {
  const HOUR = 3_600_000;
  test.each([
    ["back", -HOUR],
    ["forward", HOUR],
  ])("%s by an hour changes nothing about lingering", async (_title, by) => {
    rig = await RigBench.working({ isMeasured: true });
    await rig.release(await rig.served(rig.ask("cmpl-1", WORTH)), "cmpl-1");
    const released = rig.clock.monotonic();
    const linger = lingerNow();
    await rig.pass(200);
    rig.clock.setWall(rig.clock.now() + by);
    await rig.hashing();
    expect(rig.clock.monotonic() - released).toBeGreaterThanOrEqual(linger);
    expect(rig.clock.monotonic() - released).toBeLessThanOrEqual(linger + 300);
  });

  test.each([
    ["back", -HOUR],
    ["forward", HOUR],
  ])("%s by an hour changes nothing about the longest wait", async (_title, by) => {
    rig = await RigBench.working({ rules: { maxWait: seconds(20) } });
    const asked = rig.clock.monotonic();
    const poor = rig.ask("cmpl-1", usdNano(1));
    await rig.pass(5000);
    rig.clock.setWall(rig.clock.now() + by);
    await rig.until(() => poor.settled !== undefined);
    expect(rig.clock.monotonic() - asked).toBe(20_000);
  });
});

test("a share of a late second keeps its worth to the nano-USD through all of it", async () => {
  rig = await RigBench.working();
  await rig.pass(10_000);
  await rig.stop();
  const [job] = rig.hashingJobs;
  expect(job?.revenue).toBe((job?.sharesAccepted ?? 0) * toUsdNano(0.000_024));
});
