import { afterEach, describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { type BenchOptions, RigBench } from "./bench.ts";

let rig: RigBench;
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  expect(rig.faults).toEqual([]);
  await rig[Symbol.asyncDispose]();
});
const LENDS = { isMeasured: true } satisfies BenchOptions;

/** One request answered, and back to hashing. */
async function serveOnce(id: string): Promise<void> {
  await rig.release(await rig.served(rig.ask(id)), id);
  await rig.hashing();
}
const rungs = () => rig.transitions.slice(1).map(({ from, to, rung, outcome }) => `${from} → ${to} ${rung} ${outcome}`);

describe("a card with room for both", () => {
  test("begins with stopping, since nothing is measured yet, and lets both stay once it is", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 4000, engine: 5000 } });
    await rig.hashing();
    await serveOnce("cmpl-1");
    expect(rig.ground.residence).toEqual({ rung: "freeze", why: "both sides fit into memory together" });
    await rig.engineUp();
    const before = rig.transitions.length - 1;
    await serveOnce("cmpl-2");
    expect(rungs().slice(before)).toEqual([
      "hashing → inference freeze completed",
      "inference → hashing freeze completed",
    ]);
    expect(rig.driver.isRunning("miner") && rig.driver.isRunning("engine")).toBe(true);
  });

  test("keeps 5 % of itself free, so that one MiB more is no room", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 4000, engine: 5501 } });
    await rig.hashing();
    await serveOnce("cmpl-1");
    expect(rig.ground.residence.rung).toBe("warm");
  });
});

describe("a card without room for both", () => {
  const vram = { total: 10_000, miner: 4000, engine: 9000, asleep: 900 };

  test("holds one side at a time, and each starts on a card that was seen free", async () => {
    rig = await RigBench.running({ ...LENDS, vram });
    await rig.hashing();
    await serveOnce("cmpl-1");
    await serveOnce("cmpl-2");
    expect(rig.ground.residence.why).toBe("miner and model do not fit into the card's memory together");
    expect(rig.driver.log).toEqual([
      "start miner",
      "stop miner",
      "start engine",
      "stop engine",
      "start miner",
      "stop miner",
      "start engine",
      "stop engine",
      "start miner",
    ]);
    const [there] = rig.transitions.slice(1);
    expect(there).toMatchObject({ rung: "cold", vramBeforeMiB: 4000, vramAfterMiB: 9000 });
  });

  test("has the engine sleep while the miner runs, where the engine can", async () => {
    rig = await RigBench.running({ ...LENDS, vram });
    rig.driver.engine.canSleep = true;
    await rig.hashing();
    await serveOnce("cmpl-1");
    await serveOnce("cmpl-2");
    expect(rungs()).toEqual([
      "hashing → inference cold completed",
      "inference → hashing sleep completed",
      "hashing → inference sleep completed",
      "inference → hashing sleep completed",
    ]);
    expect(rig.driver.log.filter((line) => line.endsWith("engine"))).toEqual(["start engine"]);
    expect(rig.driver.engine.sleepCalls.filter((call) => call.startsWith("POST"))).toEqual([
      "POST /sleep?level=1",
      "POST /wake_up",
      "POST /sleep?level=1",
    ]);
    // A first token after every wake, before the first customer.
    const warmUps = rig.driver.engine.requests.filter(({ route }) => route === "/v1/completions");
    expect(warmUps).toHaveLength(2);
  });

  test("does not believe in a sleep that frees nothing: the engine is stopped, and the rung barred for a while", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { ...vram, asleep: 9000 } });
    rig.driver.engine.canSleep = true;
    await rig.hashing();
    await serveOnce("cmpl-1");
    expect(rig.transitions.at(-1)).toMatchObject({ outcome: "completed", rung: "cold" });
    expect(rig.transitions.at(-1)?.detail).toMatch(/^only 1000 MiB of VRAM are free, \d+ are needed$/);
    expect(rig.driver.isRunning("engine")).toBe(false);
    expect(rig.ground.residence.rung).toBe("warm");
  });

  test("stops an engine that refuses to sleep", async () => {
    rig = await RigBench.running({ ...LENDS, vram });
    rig.driver.engine.canSleep = true;
    rig.driver.engine.refuses.add("/sleep");
    await rig.hashing();
    await serveOnce("cmpl-1");
    expect(rig.transitions.at(-1)?.detail).toBe("the engine's sleep: the engine answered 500 to /sleep?level=1");
    expect(rig.driver.isRunning("engine")).toBe(false);
  });

  test("starts an engine anew that will not wake", async () => {
    rig = await RigBench.running({ ...LENDS, vram });
    rig.driver.engine.canSleep = true;
    await rig.hashing();
    await serveOnce("cmpl-1");
    rig.driver.engine.refuses.add("/wake_up");
    const request = rig.ask("cmpl-2");
    await rig.release(await rig.served(request), "cmpl-2");
    expect(rig.driver.log.filter((line) => line === "start engine")).toHaveLength(2);
    expect(rig.transitions.find(({ detail }) => detail !== undefined)?.detail).toContain("/wake_up");
  });

  test("lets no engine sleep where the machine has no memory for its weights", async () => {
    rig = await RigBench.running({ ...LENDS, vram });
    rig.driver.engine.canSleep = true;
    rig.hostFreeMiB = 8999;
    await rig.hashing();
    await serveOnce("cmpl-1");
    expect(rig.driver.engine.isAsleep).toBe(false);
    expect(rig.driver.isRunning("engine")).toBe(false);
  });
});

describe("work in containers", () => {
  /** Hashing, both sides measured, and a miner that has no pause of its own. */
  async function pauseless(): Promise<void> {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 1000, engine: 1000 } });
    rig.driver.inContainers = true;
    rig.driver.miner.refuses.add("pause");
    await rig.hashing();
    await serveOnce("cmpl-1");
    await rig.engineUp();
    rig.driver.log.length = 0;
  }

  test("is kept when it is stopped, so that its next start is a warm one", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 4000, engine: 9000 } });
    rig.driver.inContainers = true;
    await rig.hashing();
    await serveOnce("cmpl-1");
    await serveOnce("cmpl-2");
    expect(rungs().map((row) => row.split(" ")[3])).toEqual(["cold", "warm", "warm", "warm"]);
  });

  test("is frozen where the miner cannot pause itself, once the hardware says that it is quiet", async () => {
    await pauseless();
    const grant = await rig.served(rig.ask("cmpl-2"));
    expect(rig.driver.log).toEqual(["freeze miner"]);
    await rig.release(grant, "cmpl-2");
    await rig.hashing();
    expect(rig.driver.log).toEqual(["freeze miner", "thaw miner"]);
    expect(rungs().slice(-2)).toEqual(["hashing → inference freeze completed", "inference → hashing freeze completed"]);
  });

  test("hashes again although it obeyed its own pause too late and was frozen as well", async () => {
    await pauseless();
    rig.driver.miner.refuses.delete("pause");
    rig.driver.miner.ignores.add("pause");
    const grant = await rig.served(rig.ask("cmpl-2"));
    expect([rig.driver.log, rig.driver.miner.paused]).toEqual([["freeze miner"], true]);
    await rig.release(grant, "cmpl-2");
    await rig.hashing();
    expect(rig.driver.miner.paused).toBe(false);
  });

  test("is stopped where the hardware says that it goes on", async () => {
    await pauseless();
    rig.source.changes = { utilizationPercent: 98 };
    const request = rig.ask("cmpl-2");
    await rig.until(() => rig.driver.log.includes("stop miner"));
    rig.source.changes = {};
    await rig.served(request);
    expect(rig.driver.log).toEqual(["freeze miner", "thaw miner", "stop miner"]);
    expect(rig.transitions.at(-1)?.detail).toBe("the GPU is still 98 % busy");
  });

  test("is not left frozen for longer than two minutes", async () => {
    await pauseless();
    const grant = await rig.served(rig.ask("cmpl-2"));
    await rig.pass(119_000);
    expect(rig.driver.log).toEqual(["freeze miner"]);
    await rig.pass(3000);
    expect(rig.driver.log).toEqual(["freeze miner", "thaw miner", "stop miner"]);
    await rig.release(grant, "cmpl-2");
    await rig.hashing();
  });
});

describe("VRAM that is not given back", () => {
  test("takes this GPU out of service after a second try, and says why", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 4000, engine: 9000 } });
    await rig.hashing();
    rig.lingers = true;
    rig.ask("cmpl-1");
    await rig.until(() => rig.custody.state === "faulted");
    expect(rig.driver.isRunning("engine")).toBe(false);
    expect(rig.loop.snapshot().why).toMatch(/^out of service: stopped work still holds the GPU \(pid 4242\)/);
    expect(rig.loop.snapshot().slotFaults).toBe(1);
  });

  test("keeps this GPU out of service after its quiet time too, and says so, until a look finds it given back", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 4000, engine: 9000 } });
    await rig.hashing();
    rig.lingers = true;
    rig.ask("cmpl-1");
    await rig.until(() => rig.custody.state === "faulted");
    const starts = rig.driver.log.filter((line) => line.startsWith("start")).length;
    await rig.pass(180_000);
    expect(rig.custody.state).toBe("faulted");
    expect(rig.driver.log.filter((line) => line.startsWith("start"))).toHaveLength(starts);
    expect(rig.loop.snapshot().why).toMatch(
      /^out of service: .*; it is not free yet: stopped work still holds the GPU/,
    );
    expect(rig.loop.snapshot().slotFaults, "one fault, however long it lasts").toBe(1);
    rig.lingers = false;
    await rig.hashing();
  });

  test("is waited for: half a second late is no fault", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 4000, engine: 9000 } });
    await rig.hashing();
    rig.lingers = true;
    const request = rig.ask("cmpl-1");
    await rig.until(() => rig.custody.state === "verifying-free");
    await rig.pass(500);
    rig.lingers = false;
    await rig.served(request);
    expect(rig.transitions.at(-1)).toMatchObject({ outcome: "completed", detail: undefined });
  });

  test("because a guest has it is the guest's: the GPU is left to it, not blamed", async () => {
    rig = await RigBench.running({ ...LENDS, vram: { total: 10_000, miner: 4000, engine: 9000 } });
    await rig.hashing();
    rig.driver.stopMs.set("miner", 500);
    const request = rig.ask("cmpl-1");
    await rig.until(() => rig.custody.state === "releasing");
    rig.source.changes = { processes: [{ pid: 777, usedMiB: 8000 }], vramUsedMiB: 8000 };
    await rig.until(() => rig.custody.state === "rented");
    expect(await rig.answered(request)).toMatchObject({ kind: "refused" });
    expect(rig.loop.snapshot().slotFaults).toBe(0);
  });
});

test("a GPU starts only when the rig has the power for it, and says so while it waits", async () => {
  const gpus = new Set(["GPU-other", "GPU-aaaaaaaa-0000-0000-0000-000000000001"] as const);
  rig = await RigBench.start({ ...LENDS, groups: [{ name: "the rig", maxPower: watts(500), gpus }] });
  rig.power.concede("GPU-other", watts(300));
  rig.run();
  await rig.pass(30_000);
  expect(rig.driver.log).toEqual([]);
  expect(rig.loop.snapshot().state).toBe("acquiring");
  rig.power.lower("GPU-other", watts(20));
  await rig.hashing();
});

test("a GPU that is shed for want of power rests, engine and all, and says why", async () => {
  rig = await RigBench.working(LENDS);
  rig.shed = "resting to keep the rig under 400 W";
  await rig.until(() => rig.driver.running.size === 0);
  await rig.pass(2000);
  expect(rig.loop.snapshot()).toMatchObject({ why: "resting to keep the rig under 400 W", mode: "auto" });
  rig.shed = undefined;
  await rig.hashing();
});
