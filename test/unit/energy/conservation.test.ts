import fc from "fast-check";
import { expect, test } from "vitest";
import { createGpuMeter, type MeterAdvance, type MeterWindow } from "../../../src/energy/meter.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, jobStart, jobTotals, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

type Fault = "none" | "lost" | "hang" | "reset" | "no-energy" | "blind" | "glitch" | "low";
type Step =
  | { readonly kind: "open"; readonly slot: number; readonly sink: MeterWindow["sink"]; readonly weight: number }
  | { readonly kind: "close"; readonly slot: number }
  | { readonly kind: "pass"; readonly length: number; readonly power: number }
  | { readonly kind: "read"; readonly fault: Fault }
  | { readonly kind: "freeze"; readonly frozen: boolean }
  | { readonly kind: "usage"; readonly slot: number; readonly weight: number }
  | { readonly kind: "jump"; readonly length: number };

const slot = fc.integer({ min: 0, max: 5 });
const power = fc.integer({ min: 0, max: 300 });
const fault = fc.constantFrom<Fault[]>(
  "none",
  "none",
  "none",
  "lost",
  "hang",
  "reset",
  "no-energy",
  "blind",
  "glitch",
  "low",
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("open" as const),
    slot,
    sink: fc.constantFrom("hashing", "inference", "switch", "parked"),
    weight: fc.double({ min: 0.01, max: 100, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("close" as const), slot }),
  fc.record({
    kind: fc.constant("pass" as const),
    length: fc.oneof(
      fc.integer({ min: 0, max: 2000 }),
      fc.integer({ min: 0, max: 20_000 }),
      fc.double({ min: 0, max: 3_000_000, noNaN: true }),
    ),
    power,
  }),
  fc.record({
    kind: fc.constant("read" as const),
    fault,
  }),
  fc.record({ kind: fc.constant("freeze" as const), frozen: fc.boolean() }),
  fc.record({ kind: fc.constant("usage" as const), slot, weight: fc.double({ min: 0, max: 100, noNaN: true }) }),
  fc.record({ kind: fc.constant("jump" as const), length: fc.integer({ min: -7_200_000, max: 7_200_000 }) }),
);

/** `plain` has a counter and a power of no field; `counter` both; `sampled` a windowed power alone. */
type Sensor = "plain" | "counter" | "sampled";

/** A GPU whose true consumption is known, read through faults. */
class FaultyGpu {
  power = 0;
  /** The power that its sensor goes on showing. */
  frozenAt: number | undefined;
  readonly #sensor: Sensor;
  #true = 0;
  #zero = 0;
  #epoch = 1;
  /** A false value after another, or before a new counter was seen twice, is a new counter to anybody; so there is none. */
  #honestDue = 0;
  #seen = Number.NEGATIVE_INFINITY;

  constructor(sensor: Sensor) {
    this.#sensor = sensor;
  }

  /** True joules, in millijoules, since the beginning. */
  get consumed(): number {
    return this.#true;
  }

  pass(length: number): void {
    this.#true += this.power * length;
  }

  read(clock: ManualClock, fault: Fault): GpuReading {
    // What comes within a millisecond of the last reading is not looked at.
    const isSeen = clock.monotonic() - this.#seen >= 1;
    if (isSeen) this.#seen = clock.monotonic();
    const isFalse = (fault === "low" || fault === "glitch") && this.#honestDue === 0;
    const hasCounter = fault !== "lost" && fault !== "hang" && fault !== "blind" && fault !== "no-energy";
    if (fault === "reset") {
      this.#zero = this.#true;
      this.#epoch += 1;
      this.#honestDue = isSeen ? 1 : 2;
    } else if (hasCounter && isSeen) this.#honestDue = isFalse ? 1 : Math.max(0, this.#honestDue - 1);
    const honest = this.#true - this.#zero;
    const falseValue = fault === "low" ? 0 : honest + 1e12;
    const counter = milliJoules(isFalse ? falseValue : honest);
    const isBlind = fault === "blind" || fault === "lost" || fault === "hang";
    return {
      ...gpuReading(clock.monotonic(), {}, { at: unixMs(Math.floor(clock.now())), epoch: `boot-${this.#epoch}` }),
      health: healthIn(fault),
      ...(isBlind || fault === "no-energy" || this.#sensor === "sampled" ? {} : { energy: counter }),
      ...(isBlind ? {} : { power: watts(this.frozenAt ?? this.power) }),
      ...(this.#sensor === "plain" ? {} : { powerField: "average" }),
    };
  }
}

const healthIn = (fault: Fault): GpuReading["health"] => {
  if (fault === "lost") return fault;
  return fault === "hang" ? "unknown" : "ok";
};

interface Outcome {
  readonly energy: number;
  readonly consumed: number;
  /** What was noted as used unseen. */
  readonly unseen: number;
  /** What was booked because a counter moved by it. */
  readonly counted: number;
}

/** Runs the steps through meter and ledger, checking every advance; gives what was booked and what was used. */
async function run(steps: readonly Step[], sensor: Sensor = "plain"): Promise<Outcome> {
  const clock = new ManualClock(T0);
  const wallClock = () => unixMs(Math.floor(clock.now()));
  const ledger = openMemoryLedger({ now: wallClock, monotonic: () => clock.monotonic(), wait: clock.wait });
  const meter = createGpuMeter({ gpu: GPU_A, clock });
  const gpu = new FaultyGpu(sensor);
  const open = new Map<number, string>();
  let [booked, unseen, counted] = [0, 0, 0];
  let jobs = 0;

  const read = (reading: GpuReading) => book(meter.advance(reading));
  const book = (advance: MeterAdvance) => {
    booked += advance.energy;
    for (const one of advance.measured) {
      unseen += one.unseen ?? 0;
      if (one.quality === "counter" || one.quality === "lost") counted += one.energy;
    }
    expect(advance.measured.reduce((sum, one) => sum + one.energy, 0)).toBe(advance.energy);
    for (const entry of advance.entries) {
      expect(Number.isSafeInteger(entry.energy) && entry.energy >= 0).toBe(true);
    }
    // The ledger refuses segments that do not add up, and totals that fall.
    ledger.transaction(() => {
      ledger.energy.bookSegment(advance.entries, advance.measured);
      for (const { jobId, energy, quality, errorPct, segments } of advance.windows) {
        expect(errorPct).toBeGreaterThanOrEqual(0);
        expect(segments.reduce((sum, segment) => sum + segment.energy, 0)).toBe(jobId === undefined ? 0 : energy);
        expect(segments.every(({ counterFrom = 0, counterTo = 0 }) => counterTo >= counterFrom)).toBe(true);
        if (jobId === undefined || quality === undefined) continue;
        ledger.jobs.recordTotals(jobId, jobTotals(energy, { errorPct, quality }));
        for (const { number, counterFrom, counterTo, ...segment } of segments) {
          const counter = { counterStart: counterFrom, counterEnd: counterTo, driverVersion: undefined };
          ledger.energyWindows.record({ ...segment, ...counter, jobId, gpu: GPU_A, segment: number });
        }
      }
    });
  };
  for (const one of steps) {
    if (one.kind === "open" && !open.has(one.slot)) {
      const jobId = `job-${jobs}`;
      jobs += 1;
      open.set(one.slot, jobId);
      ledger.jobs.startJob(jobStart({ id: jobId }));
      meter.openWindow({ id: jobId, sink: one.sink, jobId, weight: one.weight });
    } else if (one.kind === "close") {
      meter.closeWindow(open.get(one.slot) ?? "none");
      open.delete(one.slot);
    } else if (one.kind === "pass") {
      gpu.power = one.power;
      await clock.advance(one.length);
      gpu.pass(one.length);
    } else if (one.kind === "read") read(gpu.read(clock, one.fault));
    else if (one.kind === "freeze") gpu.frozenAt = one.frozen ? gpu.power : undefined;
    else if (one.kind === "usage") {
      const to = clock.monotonic();
      meter.noteUsage([{ id: open.get(one.slot) ?? "none", from: millis(to - 5000), to, weight: one.weight }]);
    } else if (one.kind === "jump") clock.setWall(clock.now() + one.length);
  }
  for (const jobId of open.values()) meter.closeWindow(jobId);
  await clock.advance(10);
  gpu.pass(10);
  read(gpu.read(clock, "none"));
  book(meter.flush());
  expect(meter.flush().windows).toEqual([]);
  expect(ledger.energy.verifyConservation()).toEqual([]);
  // Any sink may have a job here.
  expect(ledger.energy.contradictions().filter(({ what }) => !what.includes("sink"))).toEqual([]);
  ledger.close();
  return { energy: booked, consumed: gpu.consumed, unseen, counted };
}

test.each<Sensor>(["plain", "counter", "sampled"])(
  "every joule is booked to exactly one sink through losses, resets, glitches, frozen sensors and clock jumps (%s)",
  async (sensor) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        await run(steps, sensor);
      }),
      { numRuns: 150 },
    );
  },
  60_000,
);

test("with a counter that works, exactly what the hardware counted is booked, once", async () => {
  const healthy = step.map((one): Step => (one.kind === "read" ? { kind: "read", fault: "none" } : one));
  await fc.assert(
    fc.asyncProperty(fc.array(healthy, { maxLength: 60 }), async (steps) => {
      const { energy, consumed } = await run([{ kind: "read", fault: "none" }, ...steps]);
      expect(energy).toBe(milliJoules(consumed));
    }),
    { numRuns: 150 },
  );
});

test("times in fractions of a millisecond lose nothing either", async () => {
  const length = fc.double({ min: 1, max: 4_000_000, noNaN: true });
  await fc.assert(
    fc.asyncProperty(fc.array(length, { minLength: 1, maxLength: 20 }), async (lengths) => {
      const steps = lengths.flatMap((one, index): Step[] => [
        { kind: index % 2 === 0 ? "open" : "close", slot: 0, sink: "hashing", weight: 1 } as Step,
        { kind: "pass", length: millis(one), power: 250 },
        { kind: "read", fault: "none" },
      ]);
      const { energy, consumed } = await run([{ kind: "read", fault: "none" }, ...steps]);
      expect(energy).toBe(milliJoules(consumed));
    }),
    { numRuns: 100 },
  );
});

test("sampled power never bills more than the time could hold, and nothing of a lost or frozen stretch", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const passed = steps.reduce((sum, one) => (one.kind === "pass" ? sum + one.length : sum), 10);
      const { energy } = await run(steps, "sampled");
      expect(energy).toBeLessThanOrEqual(300 * passed);
    }),
    { numRuns: 150 },
  );
});

/** By default arrays stay short. */
const LONG = { maxLength: 60, size: "max" } as const;
const FIRST: Step = { kind: "read", fault: "none" };
/** Rounding: of each reading's lumps, and of wall time that is known to the millisecond. */
const slack = (steps: readonly Step[]) => 4 * (steps.length + 2);

/** A reading in the same millisecond as the last is none: nobody saw the new counter before its false value. */
const UNSEEN_RESET: Step[] = [
  { kind: "pass", length: 28, power: 0 },
  FIRST,
  { kind: "read", fault: "reset" },
  { kind: "pass", length: 1, power: 0 },
  FIRST,
  { kind: "pass", length: 45, power: 0 },
  { kind: "read", fault: "low" },
];
const UNSEEN_BETWEEN: Step[] = [
  { kind: "pass", length: 26, power: 0 },
  FIRST,
  { kind: "read", fault: "reset" },
  FIRST,
  { kind: "pass", length: 42, power: 0 },
  { kind: "read", fault: "low" },
];

test.each<Sensor>(["plain", "counter", "sampled"])(
  "never more is booked than was used, and what was used is booked or noted, whatever the readings did (%s)",
  async (sensor) => {
    const even = fc.record({ power, steps: fc.array(step, LONG) });
    await fc.assert(
      fc.asyncProperty(even, async ({ power, steps }) => {
        const level = steps
          .filter(({ kind }) => kind !== "freeze")
          .map((one): Step => (one.kind === "pass" ? { ...one, power } : one));
        // The first pass sets the power that every reading shows.
        const whole: Step[] = [{ kind: "pass", length: 1, power }, FIRST, ...level];
        const { energy, consumed, unseen } = await run(whole, sensor);
        expect(energy).toBeLessThanOrEqual(consumed + slack(whole));
        const hasReset = whole.some((one) => one.kind === "read" && one.fault === "reset");
        if (!hasReset) expect(energy + unseen).toBeGreaterThanOrEqual(consumed - power - slack(whole));
      }),
      { numRuns: 300, examples: [[{ power: 1, steps: UNSEEN_BETWEEN }], [{ power: 1, steps: UNSEEN_RESET }]] },
    );
  },
  120_000,
);

test.each<Sensor>(["plain", "counter"])(
  "what is booked because a counter moved is never more than was used, however the power went meanwhile (%s)",
  async (sensor) => {
    await fc.assert(
      // In little time a false counter stays below what the board could have drawn.
      fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 1, max: 2000 }), power, fault), LONG), async (looks) => {
        const steps = looks.flatMap(([length, watt, one]): Step[] => [
          { kind: "pass", length, power: watt },
          { kind: "read", fault: one },
        ]);
        const { counted, consumed } = await run([FIRST, ...steps], sensor);
        expect(counted).toBeLessThanOrEqual(consumed + slack(steps));
      }),
      { numRuns: 200 },
    );
  },
  120_000,
);
