import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { EnergyEntry, EnergyQuality, EnergySink, SlotMeasurement } from "../../../src/ledger/rows.ts";
import { type MilliJoules, milliJoules } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, jobStart, jobTotals, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});

const SLOT = 900_000;
const entry = (sink: EnergySink, energy: number, changes: Partial<EnergyEntry> = {}): EnergyEntry => ({
  gpu: GPU_A,
  slotStart: unixMs(T0),
  sink,
  energy: milliJoules(energy),
  quality: "counter",
  ...changes,
});
const measured = (energy: number, changes: Partial<SlotMeasurement> = {}): SlotMeasurement => ({
  gpu: GPU_A,
  slotStart: unixMs(T0),
  energy: milliJoules(energy),
  quality: "counter",
  ...changes,
});
const HALF = { energy: 0.5 as MilliJoules };
const slots = () => ledger.energy.slots(unixMs(T0), unixMs(T0 + 10 * SLOT));
const unbalanced = expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_LEDGER_UNBALANCED" }) });

describe("booking a segment", () => {
  test("adds to the same slot, sink by sink", () => {
    ledger.jobs.startJob(jobStart());
    ledger.energy.bookSegment([entry("hashing", 70, { jobId: "job-1" }), entry("idle", 30)], [measured(100)]);
    ledger.energy.bookSegment([entry("switch", 5), entry("parked", 6), entry("inference", 9)], [measured(20)]);
    expect(slots()).toEqual([
      {
        gpu: GPU_A,
        slotStart: T0,
        hashing: 70,
        inference: 9,
        switch: 5,
        parked: 6,
        idle: 30,
        measured: 120,
        quality: "counter",
        unseen: 0,
        interpolated: 0,
      },
    ]);
  });

  test("refuses entries that are not the measurement, and books none of them", () => {
    expect(() => ledger.energy.bookSegment([entry("idle", 99)], [measured(100)])).toThrow(unbalanced);
    expect(slots()).toEqual([]);
  });

  test.each([
    ["a slot too little where another has too much", [entry("idle", 10)], [measured(10, { slotStart: unixMs(0) })]],
    ["another GPU's joules", [entry("idle", 10)], [measured(10, { gpu: GPU_B })]],
    ["energy nobody measured", [entry("idle", 10)], []],
    ["energy nobody got", [], [measured(10)]],
    ["half millijoules", [entry("idle", 0, HALF)], [measured(0, HALF)]],
    ["negative energy", [entry("idle", 20), entry("switch", -10)], [measured(10)]],
  ])("refuses %s", (_title, entries, measurements) => {
    expect(() => ledger.energy.bookSegment(entries, measurements)).toThrow(unbalanced);
  });

  test("labels a slot with the worst quality that ever went into it", () => {
    const qualities: EnergyQuality[] = ["counter", "lost", "sampled"];
    for (const quality of qualities)
      ledger.energy.bookSegment([entry("idle", 1, { quality })], [measured(1, { quality })]);
    expect(slots()[0]?.quality).toBe("lost");
  });

  test("notes what a lost GPU may have used without putting it into a sum", () => {
    const lost = { quality: "lost", unseen: milliJoules(4000) } as const;
    ledger.energy.bookSegment([entry("idle", 0, { quality: "lost" })], [measured(0, lost)]);
    ledger.energy.bookSegment([entry("idle", 0, { quality: "lost" })], [measured(0, lost)]);
    expect(slots()[0]).toMatchObject({ measured: 0, idle: 0, unseen: 8000, quality: "lost" });
  });

  test("is undone together with the job's totals", () => {
    ledger.jobs.startJob(jobStart());
    const booking = () => {
      ledger.energy.bookSegment([entry("hashing", 10, { jobId: "job-1" })], [measured(10)]);
      ledger.jobs.recordTotals("job-2", jobTotals(10));
    };
    expect(() => ledger.transaction(booking)).toThrow("job-2");
    expect(slots()).toEqual([]);
    expect(ledger.jobs.sumSince(unixMs(T0)).energy).toBe(0);
  });

  test("counts only the energy of jobs in the sums of the day", () => {
    ledger.energy.bookSegment([entry("hashing", 70, { jobId: "job-1" }), entry("idle", 30)], [measured(100)]);
    expect(ledger.jobs.sumSince(unixMs(T0)).energy).toBe(70);
  });
});

describe("reading back", () => {
  test("gives a job's energy slot by slot", () => {
    const later = unixMs(T0 + SLOT);
    ledger.energy.bookSegment([entry("hashing", 7, { jobId: "j" })], [measured(7)]);
    ledger.energy.bookSegment(
      [
        entry("hashing", 9, { jobId: "j", slotStart: later, quality: "sampled" }),
        entry("idle", 1, { slotStart: later }),
      ],
      [measured(10, { slotStart: later })],
    );
    expect(ledger.energy.jobSlots("j")).toEqual([
      { gpu: GPU_A, slotStart: T0, energy: 7, quality: "counter" },
      { gpu: GPU_A, slotStart: later, energy: 9, quality: "sampled" },
    ]);
    expect(ledger.energy.jobSlots("")).toEqual([]);
  });

  test("includes the first slot of a range and not the one it ends with", () => {
    for (const n of [0, 1, 2]) {
      const at = { slotStart: unixMs(T0 + n * SLOT) };
      ledger.energy.bookSegment([entry("idle", n, at)], [measured(n, at)]);
    }
    const range = ledger.energy.slots(unixMs(T0), unixMs(T0 + 2 * SLOT));
    expect(range.map((slot) => slot.measured)).toEqual([0, 1]);
  });
});

describe("conservation", () => {
  test("holds after any run of bookings, refused ones included", () => {
    const amount = fc.integer({ min: 0, max: 1_000_000 });
    const booking = fc.record({
      gpu: fc.constantFrom(GPU_A, GPU_B),
      slot: fc.integer({ min: 0, max: 3 }),
      parts: fc.array(
        fc.tuple(fc.constantFrom<EnergySink>("hashing", "inference", "switch", "parked", "idle"), amount),
        {
          maxLength: 5,
        },
      ),
      wrong: fc.integer({ min: -1, max: 1 }),
    });
    fc.assert(
      fc.property(fc.array(booking, { maxLength: 15 }), (bookings) => {
        const own = openMemoryLedger(new ManualClock(T0));
        let total = 0;
        for (const { gpu, slot, parts, wrong } of bookings) {
          const at = { gpu, slotStart: unixMs(T0 + slot * SLOT) };
          const sum = parts.reduce((all, [, energy]) => all + energy, 0);
          const book = () =>
            own.energy.bookSegment(
              parts.map(([sink, energy]) => entry(sink, energy, at)),
              [measured(sum + wrong, at)],
            );
          if (wrong === 0) {
            book();
            total += sum;
          } else expect(book).toThrow(unbalanced);
        }
        expect(own.energy.verifyConservation()).toEqual([]);
        const all = own.energy.slots(unixMs(0), unixMs(T0 * 2));
        expect(all.reduce((sum, slot) => sum + slot.measured, 0)).toBe(total);
      }),
      { numRuns: 60 },
    );
  });

  test("names a job whose total is not what its slots hold", () => {
    ledger.jobs.startJob(jobStart());
    ledger.energy.bookSegment([entry("hashing", 10, { jobId: "job-1" })], [measured(10)]);
    ledger.jobs.recordTotals("job-1", jobTotals(11));
    expect(ledger.energy.verifyConservation()).toEqual([{ kind: "job", jobId: "job-1", booked: 10, total: 11 }]);
    ledger.energy.bookSegment([entry("hashing", 1, { jobId: "job-1" })], [measured(1)]);
    expect(ledger.energy.verifyConservation()).toEqual([]);
  });
});
