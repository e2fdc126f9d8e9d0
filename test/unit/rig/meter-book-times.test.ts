import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LedgerError } from "../../../src/ledger/errors.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { MeterBook } from "../../../src/rig/meter-book.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh } from "../../../src/units/money.ts";
import { minutes, unixMs } from "../../../src/units/time.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

/** 12:00:00 UTC. */
const NOON = Date.UTC(2026, 0, 5, 12);
const NEVER = new AbortController().signal;

let clock: ManualClock;
let source: FakeGpuSource;
let ledger: Ledger;
let ledgerFault: Error | undefined;
let meter: MeterBook;
let stop: AbortController;

function begin(start: number): void {
  clock = new ManualClock(start);
  source = new FakeGpuSource(clock, GPU_A);
  const real = openMemoryLedger(clock);
  ledgerFault = undefined;
  ledger = {
    ...real,
    transaction: (work) => {
      if (ledgerFault) throw ledgerFault;
      return real.transaction(work);
    },
  };
  stop = new AbortController();
  meter = new MeterBook({
    gpu: GPU_A,
    source,
    ledger,
    clock,
    logger: createLogger("error", () => {}),
    wall: { hostPower: watts(0), factor: 1 },
    hostShare: 1,
    electricity: usdPerKwh(0.2),
  });
}
beforeEach(() => begin(NOON));
afterEach(() => {
  stop.abort();
  expect(ledger.energy.verifyConservation()).toEqual([]);
  ledger.close();
});

const slots = () => ledger.energy.slots(unixMs(NOON - minutes(60)), unixMs(NOON + minutes(60)));

describe("a switch that takes long", () => {
  test("is read once a second, although nobody looks", async () => {
    await meter.look(NEVER);
    await meter.beginSwitch();
    const before = source.reads;
    for (let second = 0; second < 30; second++) await clock.advance(1000);
    expect(source.reads - before).toBe(30);
    await meter.endSwitch("none", undefined);
  });

  test("is booked every five seconds, to the switch", async () => {
    await meter.look(NEVER);
    await meter.beginSwitch();
    for (let second = 0; second < 12; second++) await clock.advance(1000);
    expect(slots()[0]).toMatchObject({ switch: 1_000_000, measured: 1_000_000 });
    await meter.endSwitch("none", undefined);
    expect(slots()[0]).toMatchObject({ switch: 1_200_000, measured: 1_200_000 });
  });

  test("is read no more once it ended", async () => {
    await meter.beginSwitch();
    await meter.endSwitch("none", undefined);
    const { reads } = source;
    await clock.advance(10_000);
    expect(source.reads).toBe(reads);
    expect(clock.waiting).toBe(0);
  });

  test("ends with the fault of a ledger that could not be written meanwhile", async () => {
    await meter.look(NEVER);
    await meter.beginSwitch();
    ledgerFault = new LedgerError("the disk is full", { code: "ERR_LEDGER_FULL", mend: "make room" });
    for (let second = 0; second < 7; second++) await clock.advance(1000);
    await expect(meter.endSwitch("none", undefined)).rejects.toBe(ledgerFault);
    ledgerFault = undefined;
    await meter.close();
  });

  test("is let go by the end of the books", async () => {
    await meter.beginSwitch();
    await meter.close();
    expect(clock.waiting).toBe(0);
  });
});

describe("a tariff slot", () => {
  test("is cut by a reading at its very start, so that a counter's joules fall into the slot they were used in", async () => {
    begin(NOON - 400);
    await meter.look(NEVER);
    void meter.keepSlots(stop.signal);
    await clock.advance(400);
    source.watts = 300;
    await clock.advance(600);
    await meter.look(NEVER);
    await meter.close();
    expect(slots().map(({ slotStart, measured }) => [slotStart - NOON, measured])).toEqual([
      [-minutes(15), 40_000],
      [0, 180_000],
    ]);
  });

  test("is cut four times an hour, and at no other time", async () => {
    begin(NOON + 1);
    void meter.keepSlots(stop.signal);
    const { reads } = source;
    for (let minute = 0; minute < 61; minute++) await clock.advance(60_000);
    expect(source.reads - reads).toBe(4);
  });

  test("is cut where the clock says, also after it was set", async () => {
    void meter.keepSlots(stop.signal);
    await clock.advance(120_000);
    clock.setWall(NOON + minutes(14) + 30_000);
    const { reads } = source;
    await clock.advance(29_999);
    expect(source.reads).toBe(reads);
    await clock.advance(60_001);
    expect(source.reads).toBe(reads + 1);
  });

  test("needs no reading once the agent stops", async () => {
    const kept = meter.keepSlots(stop.signal);
    stop.abort();
    await kept;
    expect(clock.waiting).toBe(0);
  });
});
