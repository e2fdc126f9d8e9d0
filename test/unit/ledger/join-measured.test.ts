import { expect, test } from "vitest";
import { joinEntries, joinMeasured } from "../../../src/ledger/join-measured.ts";
import type { EnergyEntry, EnergyQuality, SlotMeasurement } from "../../../src/ledger/rows.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";

function piece(from: number, to: number, energy = to - from, changes: Partial<SlotMeasurement> = {}): SlotMeasurement {
  const stretch = {
    epoch: "boot-1",
    from: unixMs(T0 + from),
    to: unixMs(T0 + to),
    counter: { from: milliJoules(from), to: milliJoules(to) },
    estimated: milliJoules(0),
    interpolated: milliJoules(1),
  };
  return { gpu: GPU_A, slotStart: unixMs(T0), energy: milliJoules(energy), quality: "counter", stretch, ...changes };
}

test("pieces of one counter in a row are one, with the same sums", () => {
  const [one, ...more] = joinMeasured([piece(0, 10), piece(10, 30), piece(30, 31, 1, { unseen: milliJoules(4) })]);
  expect(more).toEqual([]);
  expect(one).toMatchObject({ energy: 31, unseen: 4, stretch: { counter: { from: 0, to: 31 }, interpolated: 3 } });
  expect([one?.stretch?.from, one?.stretch?.to]).toEqual([T0, T0 + 31]);
});

test.each<[why: string, next: SlotMeasurement]>([
  ["another GPU", piece(10, 20, 10, { gpu: GPU_B })],
  ["another slot", piece(10, 20, 10, { slotStart: unixMs(T0 + 900_000) })],
  ["another quality", piece(10, 20, 10, { quality: "suspect" as EnergyQuality })],
  ["a counter that did not go on", piece(11, 20)],
  ["more than its counter moved", piece(10, 20, 11)],
  ["nothing behind it", { gpu: GPU_A, slotStart: unixMs(T0), energy: milliJoules(1), quality: "counter" }],
])("a piece with %s stays apart", (_why, next) => {
  expect(joinMeasured([piece(0, 10), next])).toEqual([piece(0, 10), next]);
});

test("entries of one slot, sink, job and quality are one", () => {
  const entry = (energy: number, changes: Partial<EnergyEntry> = {}): EnergyEntry => ({
    gpu: GPU_A,
    slotStart: unixMs(T0),
    sink: "idle",
    energy: milliJoules(energy),
    quality: "counter",
    ...changes,
  });
  const job = { sink: "hashing", jobId: "j" } as const;
  const joined = joinEntries([entry(1), entry(2, job), entry(3), entry(4, job), entry(5, { quality: "lost" })]);
  expect(joined.map(({ sink, energy }) => [sink, energy])).toEqual([
    ["idle", 4],
    ["hashing", 6],
    ["idle", 5],
  ]);
});
