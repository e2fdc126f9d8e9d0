import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GpuHealth } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { HealthWatch } from "../../../src/rig/health-watch.ts";
import { classOf } from "../../../src/rig/xid.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { hours, millis, unixMs } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const SLOT = "00000000:01:00.0";
let clock: ManualClock;
let ledger: Ledger;
let log: string[];
let troubles: number;
let load: string;
let isReleased: boolean;
let health: HealthWatch;
const watchOf = (pciBusId = SLOT) =>
  new HealthWatch({
    info: { uuid: GPU_A, index: 0, name: "card", pciBusId },
    ledger,
    clock,
    steady: clock,
    logger: createLogger("debug", (line) => log.push(line)),
    onTrouble: () => void troubles++,
    isReleased: () => isReleased,
    driverLoad: () => load,
  });
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  log = [];
  troubles = 0;
  load = "boot-1/77";
  isReleased = false;
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

  test("lost while the operator works on it is no fault; one that still is afterwards is", () => {
    isReleased = true;
    saw("lost");
    expect(health.isolation).toBeUndefined();
    expect(health.slotFaults).toBe(0);
    isReleased = false;
    saw("lost");
    expect(health.isolation).toBeDefined();
  });

  test("ok or unknown is not", () => {
    saw("ok");
    saw("unknown");
    expect(health.isolation).toBeUndefined();
  });

  test("unknown is no part of the quiet minute, which begins anew", async () => {
    saw("lost");
    saw("ok");
    await clock.advance(millis(50_000));
    saw("unknown");
    expect(health.isolation?.until).toBeUndefined();
    saw("ok");
    expect(health.isolation?.until).toBe(T0 + 110_000);
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
    expect(health.isolation?.reason).toMatch(/^the driver reported Xid 79; it works again after a reset, a reboot or/);
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

describe.each([48, 64, 79, 95, 140])("an Xid %i, after which good readings prove nothing,", (number) => {
  const counter = (energy: number) =>
    health.saw({
      uuid: GPU_A,
      at: clock.now(),
      monotonic: clock.monotonic(),
      health: "ok",
      epoch: "b",
      energy: milliJoules(energy),
      energyBasis: "counter",
    });
  beforeEach(() => {
    counter(5_000_000);
    xid(number);
  });
  /** The GPU answers well, for longer than any quiet time. */
  const quiet = async () => {
    saw("ok");
    await clock.advance(hours(2));
    return health.isolation?.reason;
  };

  test("keeps the GPU out of service however quiet it is, and says what brings it back", async () => {
    expect(await quiet()).toContain(`rigshift mode auto --gpu ${GPU_A}`);
    expect(health.isolation?.until).toBeUndefined();
    counter(6_000_000);
    expect(await quiet()).toContain(`Xid ${number}`);
  });

  test("keeps it out of a later agent's service as well", () => {
    health = watchOf();
    expect(health.isolation?.reason).toContain(`Xid ${number}`);
    load = "/";
    expect(watchOf().isolation, "where nothing is known of the driver, nothing is proven").toBeDefined();
  });

  test.each([
    ["a reboot", () => (load = "boot-2/12")],
    ["a new load of the driver", () => (load = "boot-1/78")],
    ["a reset, which begins the counter anew", () => counter(12)],
    ["the operator's word", () => health.vouch()],
  ])("lets it come back after %s, and a quiet time", async (_title, happens) => {
    saw("ok");
    happens();
    expect(health.isolation?.until).toBeGreaterThan(clock.now());
    expect(await quiet()).toBeUndefined();
    expect(ledger.gpuHolds.of(GPU_A)).toBeUndefined();
    expect(watchOf().isolation).toBeUndefined();
  });

  test("counts as one fault of the slot, though the readings call it lost as well", () => {
    saw("lost");
    expect(health.slotFaults).toBe(1);
  });
});

test("an Xid that is no fault of the memory or the bus comes back by quiet alone", async () => {
  xid(119);
  saw("ok");
  await clock.advance(hours(1));
  expect(health.isolation).toBeUndefined();
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
      expect(health.isolation?.isUnproven).toBe(true);
      health.looked("4000 MiB are held");
      expect(health.isolation?.reason).toBe("it did not become free; it is not free yet: 4000 MiB are held");
      health.looked(undefined);
      expect(health.isolation).toBeUndefined();
    }
    expect(waits.map((wait) => wait / 60_000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });
});
