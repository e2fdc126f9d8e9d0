import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GpuHealth } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { HealthWatch } from "../../../src/rig/health-watch.ts";
import { classOf } from "../../../src/rig/xid.ts";
import { hours, millis, unixMs } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const SLOT = "00000000:01:00.0";
let clock: ManualClock;
let ledger: Ledger;
let log: string[];
let troubles: number;
let health: HealthWatch;
const watchOf = (pciBusId = SLOT) =>
  new HealthWatch({
    info: { uuid: GPU_A, index: 0, name: "card", pciBusId },
    ledger,
    clock,
    steady: clock,
    logger: createLogger("debug", (line) => log.push(line)),
    onTrouble: () => void troubles++,
  });
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  log = [];
  troubles = 0;
  health = watchOf();
});
afterEach(() => ledger.close());

const saw = (state: GpuHealth) =>
  health.saw({ uuid: GPU_A, at: clock.now(), monotonic: clock.monotonic(), health: state, epoch: "b" });
const xid = (number: number) => health.told({ kind: "xid", uuid: GPU_A, at: clock.now(), xid: number });

describe("a GPU that the readings call", () => {
  test.each([
    ["lost", "the GPU is lost: it does not answer the driver any more"],
    ["reset-required", "the driver wants the GPU reset"],
  ] as const)("%s is isolated at once, and for as long as it stays so", async (state, reason) => {
    saw(state);
    expect(health.isolation).toEqual({ reason, until: undefined });
    await clock.advance(hours(3));
    expect(health.isolation?.reason).toBe(reason);
  });

  test("ok or unknown is not", () => {
    saw("ok");
    saw("unknown");
    expect(health.isolation).toBeUndefined();
  });

  test("ok again comes back after a quiet minute", async () => {
    saw("lost");
    saw("ok");
    expect(health.isolation?.until).toBe(T0 + 60_000);
    await clock.advance(59_999);
    expect(health.isolation).toBeDefined();
    await clock.advance(1);
    expect(health.isolation).toBeUndefined();
    expect(log.join("")).toContain("the GPU is trusted with work again");
  });

  test("lost again within the quiet time waits anew, and twice as long", async () => {
    saw("lost");
    saw("ok");
    await clock.advance(30_000);
    saw("lost");
    saw("ok");
    expect(health.isolation?.until).toBe(T0 + 30_000 + 120_000);
  });
});

describe("an Xid", () => {
  test("of the driver's reset class isolates, with its number, and wakes the loop", () => {
    xid(79);
    expect(troubles).toBe(1);
    expect(health.isolation?.reason).toBe("the driver reported Xid 79, after which a GPU needs a reset");
  });

  test("isolates until the readings say ok for the quiet time", async () => {
    xid(119);
    await clock.advance(hours(2));
    expect(health.isolation?.until).toBeUndefined();
    saw("ok");
    expect(health.isolation?.until).toBe(T0 + hours(2) + 60_000);
  });

  test("that only hurts a program is told once to whoever runs it", () => {
    xid(31);
    expect(health.isolation).toBeUndefined();
    expect(health.takeWorkFault()).toBe("the driver reported Xid 31, after which its work is not trusted");
    expect(health.takeWorkFault()).toBeUndefined();
  });

  test("45 is our own stop of a program: no fault, and no part of a row", () => {
    xid(45);
    expect(health.takeWorkFault()).toBeUndefined();
    expect(health.xidSince(unixMs(T0))).toBeUndefined();
    expect(health.lastXid).toBeUndefined();
  });

  test("is remembered for the handover that it came in", async () => {
    xid(31);
    await clock.advance(1000);
    const began = clock.now();
    expect(health.xidSince(began)).toBeUndefined();
    await clock.advance(1);
    xid(13);
    xid(45);
    expect(health.xidSince(began)).toBe(13);
    expect(health.lastXid).toBe(13);
  });

  test("in a storm costs no memory and is one fault", () => {
    for (let count = 0; count < 10_000; count++) xid(79);
    expect(health.slotFaults).toBe(1);
    expect(health.lastXid).toBe(79);
  });

  test.each([
    [13, "restart-work"],
    [43, "restart-work"],
    [45, "routine"],
    [48, "reset-gpu"],
    [63, "routine"],
    [74, "reset-gpu"],
    [79, "reset-gpu"],
    [94, "restart-work"],
    [95, "reset-gpu"],
    [119, "reset-gpu"],
    [154, "reset-gpu"],
    [999, "restart-work"],
  ] as const)("%d is of the class %s", (number, kind) => {
    expect(classOf(number)).toBe(kind);
  });
});

describe("the count", () => {
  test("is the slot's, whatever card sits in it, and outlives the agent", async () => {
    saw("lost");
    await clock.advance(10_000);
    expect(watchOf().slotFaults).toBe(1);
    expect(watchOf("00000000:02:00.0").slotFaults).toBe(0);
  });

  test("is of the last 24 hours", async () => {
    saw("lost");
    await clock.advance(millis(hours(24)));
    expect(health.slotFaults).toBe(1);
    await clock.advance(1);
    expect(health.slotFaults).toBe(0);
  });

  test("makes the quiet time longer with each fault, to an hour at most", async () => {
    const waits: number[] = [];
    for (let count = 0; count < 8; count++) {
      health.quarantine("it did not become free");
      saw("ok");
      waits.push((health.isolation?.until ?? 0) - clock.now());
      await clock.advance(hours(1));
      expect(health.isolation).toBeUndefined();
    }
    expect(waits.map((wait) => wait / 60_000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });
});
