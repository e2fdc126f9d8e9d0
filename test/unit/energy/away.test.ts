import { beforeEach, describe, expect, test } from "vitest";
import { createGpuMeter, type MeterAdvance } from "../../../src/energy/meter.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import type { LastSeen } from "../../../src/ledger/energy-stretches.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SLOT = 900_000;
const HOUR = 4 * SLOT;

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock(T0 + HOUR);
});

/** A GPU at 20 W that nobody metered from T0 until now; a job is open when its first reading comes. */
function start(before: Partial<LastSeen>, changes: Partial<GpuReading> = {}): MeterAdvance {
  const known = { epoch: "boot-1", at: unixMs(T0), counter: milliJoules(7_000_000), ...before };
  const meter = createGpuMeter({ gpu: GPU_A, clock, before: known });
  meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
  const facts = { energy: 7_000_000 + 20 * HOUR, power: 20 };
  return meter.advance(gpuReading(clock.monotonic(), facts, { at: clock.now(), ...changes }));
}
const perSlot = ({ measured }: MeterAdvance) =>
  measured.map(({ slotStart, energy, quality }) => [(slotStart - T0) / SLOT, energy, quality]);

describe("the time since the agent last ran", () => {
  test("is idle in every slot of it where the counter went on, to the millijoule, and labelled", () => {
    const advance = start({});
    expect(perSlot(advance)).toEqual([0, 1, 2, 3].map((slot) => [slot, 20 * SLOT, "lost"]));
    expect(advance.entries.every(({ sink, jobId }) => sink === "idle" && jobId === undefined)).toBe(true);
    expect(advance.windows).toMatchObject([{ energy: 0, quality: undefined }]);
    expect(advance.spans).toEqual([]);
  });

  test("follows on from the stretch before, slot by slot", () => {
    const counters = start({}).measured.map(({ stretch }) => [stretch?.counter?.from, stretch?.counter?.to]);
    expect(counters[0]?.[0]).toBe(7_000_000);
    expect(counters.at(-1)?.[1]).toBe(7_000_000 + 20 * HOUR);
    expect(counters.slice(1).map(([from]) => from)).toEqual(counters.slice(0, -1).map(([, to]) => to));
  });

  test.each<[why: string, before: Partial<LastSeen>, changes: Partial<GpuReading>]>([
    ["the driver was loaded anew", { epoch: "boot-0" }, {}],
    ["the counter fell", { counter: milliJoules(900_000_000) }, {}],
    ["the counter ran ahead of the board's limit", { at: unixMs(T0 + HOUR - 1000) }, {}],
    ["the counter is a model's", {}, { energyBasis: "assumed" }],
    ["the counter does not say what it is", {}, { energyBasis: "sampled" }],
  ])("is a label and nothing more where %s", (_why, before, changes) => {
    const advance = start(before, changes);
    expect(advance.energy).toBe(0);
    expect(advance.quality).toBe("lost");
    expect(advance.measured.every(({ energy, quality }) => energy === 0 && quality === "lost")).toBe(true);
    expect(advance.measured.every(({ stretch }) => stretch?.counter === undefined)).toBe(true);
  });

  test("is a label where the ledger knows no counter", () => {
    const meter = createGpuMeter({ gpu: GPU_A, clock, before: { epoch: "boot-1", at: unixMs(T0) } });
    const advance = meter.advance(gpuReading(clock.monotonic(), { power: 20 }, { at: clock.now() }));
    expect(perSlot(advance)).toEqual([0, 1, 2, 3].map((slot) => [slot, 0, "lost"]));
  });

  test("books what the counter moved at once where the clock was set back", () => {
    const advance = start({ at: unixMs(T0 + 2 * HOUR), counter: milliJoules(7_000_000 + 20 * HOUR - 500_000) });
    expect(perSlot(advance)).toEqual([[3, 500_000, "lost"]]);
  });

  test("is not believed when it is longer than a season", () => {
    expect(start({ at: unixMs(T0 - 101 * 24 * HOUR) })).toMatchObject({ energy: 0, measured: [] });
  });

  test("ends with the first reading that tells anything", () => {
    const known = { epoch: "boot-1", at: unixMs(T0), counter: milliJoules(7_000_000) };
    const meter = createGpuMeter({ gpu: GPU_A, clock, before: known });
    const lost = gpuReading(clock.monotonic(), {}, { at: clock.now(), health: "lost" });
    expect(meter.advance(lost)).toMatchObject({ energy: 0, measured: [] });
    const facts = { energy: 7_000_000 + 20 * HOUR, power: 20 };
    const later = gpuReading(clock.monotonic() + 1000, facts, { at: unixMs(clock.now() + 1000) });
    expect(meter.advance(later).energy).toBe(20 * HOUR);
  });
});

test("a run that follows books its own time from its own first reading", () => {
  const known = { epoch: "boot-1", at: unixMs(T0), counter: milliJoules(7_000_000) };
  const meter = createGpuMeter({ gpu: GPU_A, clock, before: known });
  meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
  meter.advance(gpuReading(0, { energy: 9_000_000, power: 20 }, { at: clock.now() }));
  const next = gpuReading(1000, { energy: 9_020_000, power: 20 }, { at: unixMs(clock.now() + 1000) });
  expect(meter.advance(next)).toMatchObject({ energy: 20_000, windows: [{ energy: 20_000, quality: "counter" }] });
});
