import { beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { EnergyQuality, GpuUuid, MeasuredStretch, SlotMeasurement } from "../../../src/ledger/rows.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const SLOT = 900_000;

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});

interface Facts {
  readonly counter?: readonly [from: number, to: number];
  readonly energy?: number;
  readonly epoch?: string;
  readonly quality?: EnergyQuality;
  readonly estimated?: number;
  readonly slot?: number;
  readonly gpu?: GpuUuid;
  /** Milliseconds after T0. */
  readonly span?: readonly [from: number, to: number];
}

function measured(facts: Facts): SlotMeasurement {
  const {
    counter,
    epoch = "boot-1",
    quality = "counter",
    estimated = 0,
    slot = 0,
    gpu = GPU_A,
    span = [0, 1000],
  } = facts;
  const moved = counter === undefined ? 0 : counter[1] - counter[0];
  const stretch: MeasuredStretch = {
    epoch,
    from: unixMs(T0 + span[0]),
    to: unixMs(T0 + span[1]),
    ...(counter === undefined ? {} : { counter: { from: milliJoules(counter[0]), to: milliJoules(counter[1]) } }),
    estimated: milliJoules(estimated),
    interpolated: milliJoules(0),
  };
  const energy = milliJoules(facts.energy ?? moved + estimated);
  return { gpu, slotStart: unixMs(T0 + slot * SLOT), energy, quality, stretch };
}
const book = (...facts: readonly Facts[]) => {
  for (const one of facts.map(measured)) ledger.energy.bookSegment([{ ...one, sink: "idle" }], [one]);
};
const verify = () => ledger.energy.verifyConservation();

describe("verifying the stretches", () => {
  test("holds for one counter from slot to slot, its resets, and what was sampled between", () => {
    book(
      { counter: [100, 200] },
      { counter: [200, 350] },
      { counter: [350, 500], slot: 1 },
      { energy: 77, quality: "sampled", slot: 1 },
      { counter: [600, 650], slot: 1 },
      { counter: [0, 40], estimated: 60, quality: "reset", epoch: "boot-2", slot: 1 },
      { counter: [40, 90], epoch: "boot-2", slot: 2 },
      { counter: [100, 250], gpu: GPU_B },
    );
    expect(verify()).toEqual([]);
  });

  test("finds a counter booked twice, by the same epoch only", () => {
    book({ counter: [100, 200] }, { counter: [180, 300], slot: 1 }, { counter: [100, 300], epoch: "boot-2", slot: 1 });
    expect(verify()).toEqual([{ kind: "overlap", gpu: GPU_A, slotStart: T0 + SLOT, epoch: "boot-1", overlap: 20 }]);
  });

  test("finds a short stretch inside a long one that came before", () => {
    book({ counter: [100, 900] }, { counter: [900, 950], slot: 1 }, { counter: [300, 310], slot: 2 });
    expect(verify()).toMatchObject([{ kind: "overlap", slotStart: T0 + 2 * SLOT, overlap: 10 }]);
  });

  test("finds a glitch that was billed: the counter moved by less, or by more", () => {
    book({ counter: [100, 200], energy: 5000 }, { counter: [200, 300], energy: 99, slot: 1 });
    expect(verify()).toEqual([
      { kind: "counter", gpu: GPU_A, slotStart: T0, epoch: "boot-1", booked: 5000, counted: 100 },
      { kind: "counter", gpu: GPU_A, slotStart: T0 + SLOT, epoch: "boot-1", booked: 99, counted: 100 },
    ]);
  });

  test("lets what is suspect be billed for less than its counter moved, never for more", () => {
    book({ counter: [100, 200], energy: 0, quality: "suspect" });
    expect(verify()).toEqual([]);
    book({ counter: [200, 300], energy: 101, quality: "suspect" });
    expect(verify()).toMatchObject([{ kind: "counter", booked: 101, counted: 100 }]);
  });
});

describe("a stretch", () => {
  test("is one row for as long as epoch, slot and quality stay and the counter goes on", () => {
    book({ counter: [0, 10] }, { counter: [10, 30] }, { counter: [30, 31], slot: 1 }, { counter: [31, 35], slot: 1 });
    expect(ledger.energy.lastSeen(GPU_A)).toEqual({ epoch: "boot-1", at: T0 + 1000, counter: 35 });
    expect(verify()).toEqual([]);
  });
});

describe("where a GPU was last seen", () => {
  test("is unknown before anything was recorded of it", () => {
    book({ counter: [0, 10], gpu: GPU_B });
    expect(ledger.energy.lastSeen(GPU_A)).toBeUndefined();
  });

  test("is the newest counter, whatever went unbilled since", () => {
    book({ counter: [0, 10] }, { energy: 0, quality: "lost", span: [1000, 9000] });
    expect(ledger.energy.lastSeen(GPU_A)).toEqual({ epoch: "boot-1", at: T0 + 1000, counter: 10 });
  });

  test("knows no counter once something was billed past it", () => {
    book({ counter: [0, 10] }, { energy: 5, quality: "sampled", span: [1000, 9000] });
    expect(ledger.energy.lastSeen(GPU_A)).toEqual({ epoch: "boot-1", at: T0 + 9000 });
    book({ counter: [30, 40], span: [9000, 9500] });
    expect(ledger.energy.lastSeen(GPU_A)).toMatchObject({ counter: 40 });
  });
});
