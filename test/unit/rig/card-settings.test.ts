import { describe, expect, test } from "vitest";
import type { Profile } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { millis } from "../../../src/units/time.ts";
import { PID_OF } from "../../support/fake-work-driver.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { SettableCard } from "../../support/settable-card.ts";
import { type BenchOptions, NEVER, RigBench, workSpec } from "./bench.ts";

const OTHER = "GPU-other";

test("a set fits with the limit that its GPUs get back for it, however high one of them is set now", async () => {
  const card = new SettableCard();
  await using rig = await RigBench.start({
    isMeasured: true,
    groups: [{ name: "the rig", maxPower: watts(630), gpus: new Set([GPU_A, OTHER]) }],
    control: card,
    profiles: [{ role: "hashing", powerLimit: watts(340), mayRaise: true }],
  });
  rig.source.live = () => ({ powerLimit: watts(card.limit) });
  rig.power.expect(OTHER, { most: () => watts(300), atRest: () => watts(25) });
  await rig.meter.look(NEVER);
  const never = () => rig.power.whyNeverTogether([GPU_A, OTHER]);
  expect(never()).toBeUndefined();
  await rig.handOver("hashing");
  await rig.meter.look(NEVER);
  expect([card.limit, rig.power.claimOf(GPU_A), never()]).toEqual([340, 340, undefined]);
  await rig.handOver("none");
  expect([card.limit, never()]).toEqual([300, undefined]);
});

test("a limit that was read counts for others where nothing of ours is in force", async () => {
  const card = new SettableCard(340);
  await using rig = await RigBench.start({
    groups: [{ name: "the rig", maxPower: watts(630), gpus: new Set([GPU_A, OTHER]) }],
    control: card,
  });
  rig.source.live = () => ({ powerLimit: watts(card.limit) });
  rig.power.expect(OTHER, { most: () => watts(300), atRest: () => watts(25) });
  await rig.meter.look(NEVER);
  expect(rig.power.whyNeverTogether([GPU_A, OTHER])).toContain("may draw 640 W");
});

const TUNED: Profile = { role: "hashing", powerLimit: watts(200), memoryMhz: 810, mayRaise: false };

/** A rig on whose card an agent that was killed has set its profile. */
async function afterKill(card: SettableCard, options: BenchOptions = {}): Promise<RigBench> {
  const before = await RigBench.start();
  before.ledger.foundSettings.remember(GPU_A, { powerLimit: watts(300), memoryLockMhz: 0 });
  await before.driver[Symbol.asyncDispose]();
  card.limit = 200;
  card.locked.memory = 810;
  const rig = await RigBench.start({ isMeasured: true, control: card, profiles: [TUNED], ...options, before });
  rig.driver.inContainers = true;
  rig.processes.containers.set(PID_OF.miner, "c-miner").set(PID_OF.engine, "c-engine");
  rig.driver.miner.paused = false;
  const isLoaded = () => rig.driver.isRunning("miner") && !rig.driver.miner.paused;
  card.remark = () => (isLoaded() ? " under load" : "");
  rig.source.live = () => ({
    powerLimit: watts(card.limit),
    processes: (["miner", "engine"] as const)
      .filter((role) => rig.driver.isRunning(role))
      .map((role) => ({ pid: PID_OF[role], usedMiB: 100 })),
  });
  return rig;
}
const isStock = (card: SettableCard) => card.limit === 300 && card.locked.memory === 0;
const ofStock = (line: string) => /^(limit 300|reset)/.test(line);

describe("what a killed agent had set", () => {
  test("stays under its miner, which is taken over, and is set back once that has been paused to stop", async () => {
    const card = new SettableCard();
    await using rig = await afterKill(card);
    rig.driver.adopt(workSpec("miner"));
    rig.run();
    await rig.hashing();
    await rig.pass(120_000);
    expect(rig.driver.log.filter((line) => line.endsWith("miner"))).toEqual([]);
    expect(card.log.filter(ofStock)).toEqual([]);
    expect([card.limit, card.locked.memory]).toEqual([200, 810]);
    await rig.stop();
    expect(card.log.filter(ofStock).toSorted()).toEqual(["limit 300", "reset graphics", "reset memory"]);
    expect([isStock(card), rig.tuner.isApplied]).toEqual([true, false]);
  });

  for (const mode of ["pause", "serve"] as const)
    test(`is set back once its miner, which may not go on in mode ${mode}, has stopped`, async () => {
      const card = new SettableCard();
      await using rig = await afterKill(card);
      rig.mode = mode;
      rig.driver.adopt(workSpec("miner"));
      rig.run();
      if (mode === "serve") void rig.ask("a");
      await rig.until(() => (mode === "serve" ? rig.workload === "inference" : isStock(card)));
      expect(card.log.filter((line) => line.endsWith("under load"))).toEqual([]);
      expect([rig.driver.isRunning("miner"), isStock(card)]).toEqual([false, true]);
    });

  test("is not set back before the Engine has told what runs, and then is before anything starts", async () => {
    const card = new SettableCard();
    await using rig = await afterKill(card, { serves: false });
    rig.driver.isSurveyed = false;
    rig.ground.roster.awaitSurvey(rig.driver);
    rig.run();
    await rig.pass(5000);
    expect([card.log, rig.driver.log]).toEqual([[], []]);
    rig.driver.surveyed();
    await rig.until(() => rig.driver.isRunning("miner"));
    expect(isStock(card)).toBe(true);
  });

  test("is set back although the Engine never answers, where nothing is on the GPU", async () => {
    const card = new SettableCard();
    await using rig = await afterKill(card);
    rig.mode = "pause";
    rig.driver.isSurveyed = false;
    rig.ground.roster.awaitSurvey(rig.driver);
    let isUsed = true;
    rig.processes.names.set(4711, "netdata");
    rig.source.live = () => ({ processes: isUsed ? [{ pid: 4711 }] : [] });
    rig.run();
    await rig.pass(20_000);
    expect(card.log).toEqual([]);
    isUsed = false;
    await rig.until(() => isStock(card));
  });

  test("as a limit on trial does not throttle the miner that is taken over for good", async () => {
    const card = new SettableCard();
    await using rig = await afterKill(card, { profiles: [] });
    rig.driver.adopt(workSpec("miner"));
    rig.run();
    await rig.hashing();
    expect([card.limit, card.locked.memory]).toEqual([300, 810]);
  });
});

describe("a guest has the GPU within ten seconds", () => {
  const guestComes = (rig: RigBench) => {
    rig.processes.names.set(4711, "python3");
    rig.source.live = () => ({
      processes: [
        { pid: 4711, usedMiB: 4000 },
        ...(rig.driver.isRunning("miner") ? [{ pid: PID_OF.miner, usedMiB: 100 }] : []),
      ],
    });
  };
  const timed = async (rig: RigBench) => {
    const began = rig.clock.monotonic();
    await rig.until(() => rig.custody.state === "rented");
    return rig.clock.monotonic() - began;
  };

  for (const ms of [100, 4900])
    test(`while a profile that is not taken is tried again, at ${ms} ms a call`, async () => {
      const card = new SettableCard();
      await using rig = await RigBench.running({
        isMeasured: true,
        serves: false,
        control: card,
        profiles: [{ ...TUNED, graphicsMhz: 1500 }],
      });
      card.answer = { kind: "unavailable" };
      card.takes = () => rig.clock.wait(millis(ms), NEVER);
      await rig.hashing();
      const before = card.log.length;
      await rig.until(() => card.log.length > before);
      guestComes(rig);
      expect(await timed(rig)).toBeLessThan(10_000);
      card.takes = () => Promise.resolve();
      card.answer = { kind: "done" };
      await rig.until(() => !rig.tuner.isApplied, 60_000);
      expect(rig.custody.state).toBe("rented");
    });

  test("while what a killed agent had set is set back by a driver that hangs", async () => {
    const card = new SettableCard();
    await using rig = await afterKill(card);
    card.takes = () => rig.clock.wait(millis(60_000), NEVER);
    rig.run();
    guestComes(rig);
    expect(await timed(rig)).toBeLessThan(10_000);
    card.takes = () => Promise.resolve();
  });
});

test("a guest gets the limit found, which counts in the budget, and our work its profile's again afterwards", async () => {
  const card = new SettableCard();
  await using rig = await RigBench.running({
    isMeasured: true,
    serves: false,
    groups: [{ name: "the rig", maxPower: watts(520), gpus: new Set([GPU_A, OTHER]) }],
    control: card,
    profiles: [TUNED],
  });
  let hasGuest = false;
  rig.processes.names.set(4711, "python3");
  rig.source.live = () => ({
    powerLimit: watts(card.limit),
    processes: [
      ...(hasGuest ? [{ pid: 4711, usedMiB: 4000 }] : []),
      ...(rig.driver.isRunning("miner") ? [{ pid: PID_OF.miner, usedMiB: 100 }] : []),
    ],
  });
  rig.power.concede(OTHER, watts(300));
  await rig.until(() => rig.workload === "hashing" && card.locked.memory === 810);
  expect([card.limit, rig.power.claimOf(GPU_A)]).toEqual([200, 200]);
  hasGuest = true;
  await rig.until(() => rig.custody.state === "rented");
  expect(rig.power.claimOf(GPU_A)).toBe(300);
  // Ours could not claim the room for it beside the other GPU; a guest asks nobody.
  await rig.until(() => isStock(card), 5000);
  hasGuest = false;
  await rig.until(() => rig.workload === "hashing" && card.locked.memory === 810);
  expect([card.limit, rig.power.claimOf(GPU_A)]).toEqual([200, 200]);
});
