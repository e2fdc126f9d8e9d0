import fc from "fast-check";
import { expect, test } from "vitest";
import { createGpuMeter } from "../../../src/energy/meter.ts";
import { unixMs } from "../../../src/units/time.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, jobStart, jobTotals, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const SLOT = 900_000;

/** Readings `gaps` ms apart at 100 W, booked; a job is open from the first to the last. */
async function meterOver(start: number, gaps: readonly number[]) {
  const clock = new ManualClock(T0 + start);
  const ledger = openMemoryLedger(clock);
  ledger.jobs.startJob(jobStart());
  const meter = createGpuMeter({ gpu: GPU_A, clock });
  meter.openWindow({ id: "job-1", sink: "hashing", jobId: "job-1" });
  for (const gap of [0, ...gaps]) {
    await clock.advance(gap);
    const facts = { energy: 100 * clock.monotonic(), power: 100 };
    const { entries, measured, windows } = meter.advance(gpuReading(clock.monotonic(), facts, { at: clock.now() }));
    ledger.transaction(() => {
      ledger.energy.bookSegment(entries, measured);
      for (const { energy, quality } of windows) {
        if (quality !== undefined) ledger.jobs.recordTotals("job-1", jobTotals(energy, { quality }));
      }
    });
  }
  return ledger;
}
const slotsOf = (ledger: Awaited<ReturnType<typeof meterOver>>) => ledger.energy.slots(unixMs(0), unixMs(2 * T0));

test("a reading on the boundary leaves nothing to interpolate", async () => {
  const ledger = await meterOver(SLOT - 10_000, [10_000, 10_000]);
  expect(slotsOf(ledger).map(({ hashing, interpolated }) => [hashing, interpolated])).toEqual([
    [1_000_000, 0],
    [1_000_000, 0],
  ]);
});

test("without one the span is cut at the boundary by time, and both parts say so", async () => {
  const ledger = await meterOver(SLOT - 13_000, [10_000, 10_000, 5000]);
  const slots = slotsOf(ledger).map(({ slotStart, measured, interpolated, quality }) => [
    (slotStart - T0) / SLOT,
    measured,
    interpolated,
    quality,
  ]);
  expect(slots).toEqual([
    [0, 1_300_000, 300_000, "counter"],
    [1, 1_200_000, 700_000, "counter"],
  ]);
  expect(ledger.energy.verifyConservation()).toEqual([]);
});

test("a span over several boundaries fills every slot between", async () => {
  const ledger = await meterOver(SLOT - 1000, [2 * SLOT + 2000]);
  expect(slotsOf(ledger).map(({ measured }) => measured)).toEqual([100_000, 100 * SLOT, 100 * SLOT, 100_000]);
});

test("wherever readings fall, slots lie on the grid, hold the time in them, and counters meet without overlap", async () => {
  const gap = fc.integer({ min: 1, max: 3 * SLOT });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: SLOT - 1 }),
      fc.array(gap, { minLength: 1, maxLength: 12 }),
      async (start, gaps) => {
        const ledger = await meterOver(start, gaps);
        const end = start + gaps.reduce((sum, one) => sum + one, 0);
        for (const { slotStart, measured, hashing, interpolated } of slotsOf(ledger)) {
          const from = slotStart - T0;
          const inside = Math.min(end, from + SLOT) - Math.max(start, from);
          expect(from % SLOT).toBe(0);
          expect(Math.abs(measured - 100 * inside)).toBeLessThanOrEqual(gaps.length);
          expect(hashing).toBe(measured);
          expect(interpolated).toBeLessThanOrEqual(measured);
        }
        expect(ledger.energy.verifyConservation()).toEqual([]);
        ledger.close();
      },
    ),
    { numRuns: 60 },
  );
});
