import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ControlOutcome, GpuControl } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { type Profile, Tuner } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const NEVER = new AbortController().signal;
const MINE: Profile = { role: "hashing", powerLimit: watts(220), memoryMhz: 5001, mayRaise: false };

let ledger: Ledger;
let log: string[];
let calls: string[];
let outcome: ControlOutcome;
let found: number | undefined;
let control: GpuControl;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
  log = [];
  calls = [];
  outcome = { kind: "done" };
  found = 300;
  const answer = (call: string) => {
    calls.push(call);
    return Promise.resolve(outcome);
  };
  control = {
    readSettings: () => Promise.resolve(found === undefined ? { graphicsMhz: 1500 } : { powerLimit: watts(found) }),
    setPowerLimit: (_gpu, limit) => answer(`limit ${limit}`),
    lockClocks: (_gpu, { domain, lowestMhz, highestMhz }) => answer(`lock ${domain} ${lowestMhz}-${highestMhz}`),
    resetClocks: (_gpu, domain) => answer(`reset ${domain}`),
  };
});
afterEach(() => ledger.close());
const tunerWith = (profiles: readonly Profile[], of: GpuControl | undefined = control) =>
  new Tuner({
    gpu: GPU_A,
    clock: new ManualClock(T0),
    control: of,
    profiles,
    ledger,
    logger: createLogger("debug", (line) => log.push(line)),
  });

test("clocks that somebody else had locked are locked again afterwards, and those of nobody set free", async () => {
  control.readSettings = () => Promise.resolve({ powerLimit: watts(300), graphicsLockMhz: 1300, memoryLockMhz: 0 });
  const both = { ...MINE, graphicsMhz: 1500 };
  await tunerWith([both]).apply("hashing", NEVER);
  calls.length = 0;
  // Also by the next agent, which finds them on disk.
  const next = tunerWith([both]);
  await next.restore(NEVER);
  expect(calls).toEqual(["limit 300", "lock graphics 1300-1300", "reset memory"]);
  expect(next.isApplied).toBe(false);
});

describe("settings that cannot be read when work starts", () => {
  const told = { powerLimit: watts(300), graphicsLockMhz: 0, memoryLockMhz: 7000 };
  for (const [how, read] of [
    ["throws", () => Promise.reject(new Error("the driver did not answer within 5 s"))],
    ["tells nothing", () => Promise.resolve({})],
    ["tells bounds without a limit", () => Promise.resolve({ lowestPowerLimit: watts(100), memoryMhz: 7000 })],
  ] as const)
    test(`are neither changed nor taken for found where the driver ${how}, and are tried again`, async () => {
      control.readSettings = read;
      const tuner = tunerWith([MINE]);
      await tuner.apply("hashing", NEVER);
      expect([calls, tuner.isApplied, tuner.isLacking]).toEqual([[], false, true]);
      expect(tuner.shortfall).toContain("they cannot be read");
      control.readSettings = () => Promise.resolve(told);
      await tuner.retry(NEVER);
      expect(calls).toEqual(["limit 220", "lock memory 5001-5001"]);
      expect([tuner.isLacking, tuner.shortfall]).toEqual([false, undefined]);
      calls.length = 0;
      await tuner.restore(NEVER);
      expect(calls).toContain("lock memory 7000-7000");
      expect(calls).toContain("limit 300");
    });
});

describe("a profile", () => {
  test("is set for its work, and what was found is set back afterwards", async () => {
    const tuner = tunerWith([MINE]);
    await tuner.apply("hashing", NEVER);
    expect(calls).toEqual(["limit 220", "lock memory 5001-5001"]);
    expect(tuner.isApplied).toBe(true);
    await tuner.restore(NEVER);
    expect(calls.slice(2)).toEqual(["limit 300", "reset memory"]);
    expect(tuner.isApplied).toBe(false);
    await tuner.restore(NEVER);
    expect(calls).toHaveLength(4);
  });

  test("of one kind of work leaves the other alone", async () => {
    const tuner = tunerWith([MINE]);
    await tuner.apply("serving", NEVER);
    expect([calls, tuner.isApplied]).toEqual([[], false]);
  });

  test("of a flight sheet goes before the one for all, and holds for that sheet only", async () => {
    const tuner = tunerWith([MINE, { ...MINE, sheet: "beta", powerLimit: watts(180) }]);
    await tuner.apply("hashing", NEVER);
    tuner.turnTo("beta");
    await tuner.apply("hashing", NEVER);
    tuner.turnTo("alpha");
    await tuner.apply("hashing", NEVER);
    expect(calls.filter((call) => call.startsWith("limit"))).toEqual(["limit 220", "limit 180", "limit 220"]);
    expect((await tuner.limits("hashing", NEVER, "beta"))?.standing).toBe(180);
    expect((await tuner.limits("hashing", NEVER))?.standing).toBe(220);
    await tuner.restore(NEVER);
    expect(calls.at(-2)).toBe("limit 300");
  });

  test("of another flight sheet alone sets nothing", async () => {
    const tuner = tunerWith([{ ...MINE, sheet: "beta" }]);
    tuner.turnTo("alpha");
    await tuner.apply("hashing", NEVER);
    expect([calls, tuner.isApplied]).toEqual([[], false]);
  });

  test("never raises the power limit above the one found, unless it may", async () => {
    const high = { ...MINE, powerLimit: watts(400) };
    await tunerWith([high]).apply("hashing", NEVER);
    expect(calls[0]).toBe("limit 300");
    await tunerWith([{ ...high, mayRaise: true }]).apply("hashing", NEVER);
    expect(calls).toContain("limit 400");
  });

  test("does not change a limit that it could not restore", async () => {
    found = undefined;
    await tunerWith([MINE]).apply("hashing", NEVER);
    expect(calls).toEqual(["lock memory 5001-5001"]);
  });

  test("is on disk before it is set, so that the agent after a killed one restores what was found", async () => {
    await tunerWith([MINE]).apply("hashing", NEVER);
    found = 220;
    const next = tunerWith([MINE]);
    expect(next.isApplied).toBe(true);
    await next.apply("hashing", NEVER);
    await next.restore(NEVER);
    expect(calls.slice(-3)).toEqual(["limit 300", "reset graphics", "reset memory"]);
  });

  test("that may not be set is said, and work goes on", async () => {
    outcome = { kind: "refused", reason: "no-permission" };
    await tunerWith([MINE]).apply("hashing", NEVER);
    expect(log.join("")).toContain("the GPU's power limit cannot be set");
    expect(log.join("")).toContain("lets only root set it");
  });

  test("that could not be set back is tried again", async () => {
    const tuner = tunerWith([MINE]);
    await tuner.apply("hashing", NEVER);
    outcome = { kind: "unavailable" };
    await tuner.restore(NEVER);
    expect(tuner.isApplied).toBe(true);
    outcome = { kind: "done" };
    await tuner.restore(NEVER);
    expect(tuner.isApplied).toBe(false);
  });

  test("is not asked for setting by setting where the driver does not answer, so that nobody waits long", async () => {
    const tuner = tunerWith([MINE]);
    await tuner.apply("hashing", NEVER);
    calls.length = 0;
    outcome = { kind: "unavailable" };
    await tuner.restore(NEVER);
    expect([calls, tuner.isApplied, tuner.isLacking]).toEqual([["limit 300"], true, true]);
  });

  test("that was set back in part has only the rest of it set back next, the limit first", async () => {
    const tuner = tunerWith([{ ...MINE, graphicsMhz: 1500 }]);
    await tuner.apply("hashing", NEVER);
    calls.length = 0;
    const reset = control.resetClocks;
    control.resetClocks = () => Promise.reject(new Error("the driver hangs"));
    await tuner.restore(NEVER);
    expect([calls, tuner.isApplied]).toEqual([["limit 300"], true]);
    control.resetClocks = reset;
    await tuner.restore(NEVER);
    expect([calls.slice(1), tuner.isApplied]).toEqual([["reset graphics", "reset memory"], false]);
    await tuner.apply("hashing", NEVER);
    await tuner.restore(NEVER);
    expect(calls.slice(-3)).toEqual(["limit 300", "reset graphics", "reset memory"]);
  });

  test("that stays when the agent ends is said, with the commands that set back what was found", async () => {
    control.readSettings = () => Promise.resolve({ powerLimit: watts(300), memoryLockMhz: 7000 });
    const tuner = tunerWith([MINE]);
    await tuner.apply("hashing", NEVER);
    await tuner.restore(AbortSignal.abort());
    tuner.sayLeft();
    const mend = `nvidia-smi -i ${GPU_A} -pl 300; nvidia-smi -i ${GPU_A} -rgc; nvidia-smi -i ${GPU_A} -lmc 7000,7000`;
    expect(log.join("")).toContain(mend);
    await tuner.restore(NEVER);
    log.length = 0;
    tuner.sayLeft();
    expect(log).toEqual([]);
  });

  test("of a source that can set nothing changes nothing", async () => {
    const tuner = new Tuner({
      gpu: GPU_A,
      clock: new ManualClock(T0),
      control: undefined,
      profiles: [MINE],
      ledger,
      logger: createLogger("error", () => {}),
    });
    await tuner.apply("hashing", NEVER);
    await tuner.restore(NEVER);
    expect([calls, tuner.isApplied]).toEqual([[], false]);
  });

  test("is taken back whole by an agent whose configuration has lost it", async () => {
    await tunerWith([MINE]).apply("hashing", NEVER);
    calls = [];
    const next = tunerWith([]);
    await next.restore(NEVER);
    expect(calls).toEqual(["limit 300", "reset graphics", "reset memory"]);
    expect(next.isApplied).toBe(false);
  });

  test("that an earlier agent set on a card without clock locks is taken back by its limit", async () => {
    await tunerWith([{ ...MINE, memoryMhz: undefined }]).apply("hashing", NEVER);
    const reset = () => Promise.resolve({ kind: "refused", reason: "not-supported" } as const);
    const next = tunerWith([], { ...control, resetClocks: reset });
    await next.restore(NEVER);
    expect([calls.at(-1), next.isApplied]).toEqual(["limit 300", false]);
  });

  test("gives way to a limit on trial, and comes back when that ends", async () => {
    const tuner = tunerWith([MINE]);
    await tuner.apply("hashing", NEVER);
    expect(await tuner.hold(watts(150), "hashing", NEVER)).toBeUndefined();
    expect([calls.at(-1), tuner.held]).toEqual(["limit 150", 150]);
    await tuner.letGo(NEVER);
    expect([calls.at(-1), tuner.held, tuner.isApplied]).toEqual(["limit 220", undefined, true]);
    await tuner.restore(NEVER);
    expect(calls.at(-2)).toBe("limit 300");
  });

  test("says how much the card may come to draw: the limit found, or a higher one that it may set", async () => {
    const tuner = tunerWith([MINE]);
    expect(tuner.mayComeTo("hashing")).toBeUndefined();
    await tuner.apply("hashing", NEVER);
    expect([tuner.mayComeTo("hashing"), tuner.mayComeTo("serving"), tuner.mayComeTo(undefined)]).toEqual([
      220, 300, 300,
    ]);
    const raising = tunerWith([MINE, { ...MINE, role: "serving", powerLimit: watts(400), mayRaise: true }]);
    expect([raising.mayComeTo("serving"), raising.mayComeTo("hashing")]).toEqual([400, 300]);
  });
});

describe("a limit on trial", () => {
  test("of an agent that was killed is set back by the next one", async () => {
    await tunerWith([]).hold(watts(150), "hashing", NEVER);
    const next = tunerWith([]);
    expect(next.isApplied).toBe(true);
    await next.restore(NEVER);
    expect([calls.includes("limit 300"), ledger.foundSettings.of(GPU_A)]).toEqual([true, undefined]);
  });

  test("leaves nothing behind where no profile is in force", async () => {
    const tuner = tunerWith([]);
    await tuner.hold(watts(150), "hashing", NEVER);
    await tuner.hold(watts(120), "hashing", NEVER);
    expect(await tuner.letGo(NEVER)).toBe(true);
    expect(calls).toEqual(["limit 150", "limit 120", "limit 300"]);
    expect([tuner.isApplied, ledger.foundSettings.of(GPU_A)]).toEqual([false, undefined]);
  });

  test("that is refused changes nothing, and says whether another one could be taken", async () => {
    const tuner = tunerWith([]);
    outcome = { kind: "refused", reason: "no-permission" };
    expect(await tuner.hold(watts(150), "hashing", NEVER)).toMatchObject({ isFinal: true });
    outcome = { kind: "refused", reason: "out-of-range" };
    expect(await tuner.hold(watts(150), "hashing", NEVER)).toMatchObject({ isFinal: false });
    expect([tuner.held, tuner.isApplied, ledger.foundSettings.of(GPU_A)]).toEqual([undefined, false, undefined]);
  });

  test("is kept in mind while the driver does not take the old one back", async () => {
    const tuner = tunerWith([]);
    await tuner.hold(watts(150), "hashing", NEVER);
    outcome = { kind: "unavailable" };
    expect(await tuner.letGo(NEVER)).toBe(false);
    expect([tuner.held, ledger.foundSettings.of(GPU_A)]).toEqual([150, { powerLimit: 300 }]);
    outcome = { kind: "done" };
    expect(await tuner.letGo(NEVER)).toBe(true);
    expect(calls.at(-1)).toBe("limit 300");
  });

  test("is taken back where nobody knows whether the driver has set it", async () => {
    const tuner = tunerWith([]);
    outcome = { kind: "unavailable" };
    expect(await tuner.hold(watts(150), "hashing", NEVER)).toMatchObject({ isFinal: false });
    expect(calls).toEqual(["limit 150", "limit 300"]);
    expect(ledger.foundSettings.of(GPU_A)).toEqual({ powerLimit: 300 });
  });

  test("is refused for now where the limit of before cannot be read, and nothing is remembered", async () => {
    control.readSettings = () => Promise.resolve({});
    const tuner = tunerWith([]);
    expect(await tuner.hold(watts(150), "hashing", NEVER)).toMatchObject({ isFinal: false });
    expect([calls, tuner.isApplied]).toEqual([[], false]);
  });

  test("is refused where nothing can be set, or the limit of before is not known", async () => {
    found = undefined;
    expect(await tunerWith([]).hold(watts(150), "hashing", NEVER)).toMatchObject({ isFinal: true });
    expect(calls).toEqual([]);
    expect(await tunerWith([]).limits("hashing", NEVER)).toBeUndefined();
  });
});
