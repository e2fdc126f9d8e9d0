import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { measure } from "../../../src/energy/interval.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { type MilliJoules, milliJoules, watts } from "../../../src/units/energy.ts";
import { millis } from "../../../src/units/time.ts";
import { gpuReading } from "../../support/gpu-readings.ts";

const TEN_S = 10_000;
const start = gpuReading(0, { energy: 5_000_000, power: 200 });
const end = (facts: Parameters<typeof gpuReading>[1], changes?: Partial<GpuReading>) =>
  gpuReading(TEN_S, facts, changes);

describe("a counter that behaves", () => {
  test("is taken at its word", () => {
    expect(measure(start, end({ energy: 7_000_000, power: 200 }))).toEqual({
      energy: 2_000_000,
      quality: "counter",
      estimated: 0,
      unseen: 0,
    });
  });

  test.each(["sampled", "assumed"] as const)("passes on that it is only %s", (energyBasis) => {
    const grown = end({ energy: 7_000_000, power: 200 }, { energyBasis });
    expect(measure({ ...start, energyBasis }, grown)).toMatchObject({ energy: 2_000_000, quality: energyBasis });
  });

  test("is trusted least when it does not say what it is", () => {
    const { energyBasis: _gone, ...silent } = end({ energy: 7_000_000 });
    expect(measure(start, silent).quality).toBe("assumed");
  });

  test("is suspect, but not replaced, when it stands still under load", () => {
    expect(measure(start, end({ energy: 5_000_000, power: 200 }))).toMatchObject({ energy: 0, quality: "suspect" });
  });

  test("may stand still when almost nothing is drawn", () => {
    const idle = gpuReading(0, { energy: 5_000_000, power: 1 });
    expect(measure(idle, end({ energy: 5_000_000, power: 1 })).quality).toBe("counter");
  });
});

describe("a counter that starts anew", () => {
  test("gives what it counted since, and an estimate of the time before", () => {
    // 600 J at 200 W is the last 3 s; the 7 s before ran at the power seen at the start.
    expect(measure(start, end({ energy: 600_000, power: 200 }))).toEqual({
      energy: 2_000_000,
      quality: "reset",
      estimated: 1_400_000,
      unseen: 0,
    });
  });

  test("is noticed by its epoch even when it is higher than before", () => {
    const higher = gpuReading(0, { energy: 100, power: 200 });
    const restarted = end({ energy: 600_000, power: 200 }, { epoch: "boot-2" });
    expect(measure(higher, restarted)).toMatchObject({ energy: 2_000_000, quality: "reset" });
  });

  test("is none where the counter goes on at the pace of the power: its content is not billed again", () => {
    const before = gpuReading(0, { energy: 9_000_000, power: 200 });
    const renamed = end({ energy: 11_000_000, power: 200 }, { epoch: "boot-2" });
    expect(measure(before, renamed)).toMatchObject({ energy: 2_000_000, quality: "reset", estimated: 0 });
  });

  test("never estimates above the board's limit", () => {
    const wild = gpuReading(0, { energy: 5_000_000, power: 9000 });
    expect(measure(wild, end({ energy: 0, power: 9000 })).energy).toBe(300 * TEN_S);
  });

  test("has no estimate where power is unknown", () => {
    expect(measure(gpuReading(0, { energy: 50 }), end({ energy: 20 }))).toMatchObject({ energy: 20, estimated: 0 });
  });

  test("is not believed when it cannot have counted that since", () => {
    const absurd = end({ energy: 4_900_000_000, power: 100 }, { epoch: "boot-2" });
    expect(measure(start, absurd)).toMatchObject({ energy: 1_500_000, quality: "suspect", estimated: 0 });
  });
});

describe("a counter that makes no sense", () => {
  test("is replaced by the integral of power", () => {
    expect(measure(start, end({ energy: 5_000_000 + 5_400_001, power: 100 }))).toMatchObject({
      energy: 1_500_000,
      quality: "suspect",
    });
  });

  test("is believed up to 1.3 times the limit and five seconds of it", () => {
    expect(measure(start, end({ energy: 5_000_000 + 5_400_000, power: 100 }))).toMatchObject({
      energy: 5_400_000,
      quality: "counter",
    });
  });

  test("bills nothing when there is no power to go by either", () => {
    const blind = gpuReading(0, { energy: 0 });
    expect(measure(blind, end({ energy: 1e12 }))).toMatchObject({ energy: 0, quality: "suspect" });
  });

  test.each([Number.NaN, -1, 0.5, 2 ** 60])("counts as missing at %s", (value) => {
    const odd = end({ power: 100 }, { energy: value as MilliJoules });
    expect(measure(start, odd)).toMatchObject({ energy: 1_500_000, quality: "sampled" });
  });

  test("is held against 2 kW when the board tells no sensible limit", () => {
    const unlimited = (at: number, energy: number) => gpuReading(at, { energy, power: 100 }, { powerLimit: watts(-1) });
    expect(measure(unlimited(0, 0), unlimited(TEN_S, 35_000_000)).quality).toBe("counter");
    expect(measure(unlimited(0, 0), unlimited(TEN_S, 37_000_000)).quality).toBe("suspect");
  });
});

describe("no counter", () => {
  test("integrates power between the ends", () => {
    expect(measure(gpuReading(0, { power: 100 }), end({ power: 200 }))).toMatchObject({
      energy: 1_500_000,
      quality: "sampled",
    });
  });

  test("lets the one known power stand for both ends", () => {
    expect(measure(gpuReading(0, { power: 100 }), end({}))).toMatchObject({ energy: 1_000_000, quality: "sampled" });
    expect(measure(gpuReading(0), end({ power: 100 }))).toMatchObject({ energy: 1_000_000, quality: "sampled" });
  });

  test("and no power is time that nobody saw", () => {
    expect(measure(gpuReading(0), end({}))).toEqual({ energy: 0, quality: "lost", estimated: 0, unseen: 0 });
  });
});

describe("a lost GPU", () => {
  test.each(["lost", "reset-required"] as const)("bills nothing and notes an estimate (%s)", (health) => {
    expect(measure(start, end({}, { health }))).toEqual({
      energy: 0,
      quality: "lost",
      estimated: 0,
      unseen: 2_000_000,
    });
  });

  test("is lost until the first reading after it came back, whatever the counter says then", () => {
    const lost = gpuReading(0, {}, { health: "lost" });
    expect(measure(lost, end({ energy: 9_000_000, power: 150 }))).toMatchObject({ energy: 0, unseen: 1_500_000 });
  });
});

test("never measures less than nothing, more than is plausible, or a fraction", () => {
  const number = fc.option(fc.double({ min: -1e6, max: 1e13 }), { nil: undefined });
  const reading = (at: number) =>
    fc
      .record({
        energy: fc.option(fc.integer({ min: -5, max: 2 ** 53 }), { nil: undefined }),
        power: number,
        limit: number,
        epoch: fc.constantFrom("a", "b"),
        health: fc.constantFrom("ok", "lost", "unknown" as const),
      })
      .map(({ energy, power, limit, epoch, health }): GpuReading => {
        const base = gpuReading(at, {}, { epoch, health: health as GpuReading["health"] });
        return {
          ...base,
          ...(energy === undefined ? {} : { energy: energy as MilliJoules }),
          ...(power === undefined ? {} : { power: watts(power) }),
          ...(limit === undefined ? {} : { powerLimit: watts(limit) }),
        };
      });
  const length = fc.integer({ min: 1, max: 1e7 });
  fc.assert(
    fc.property(reading(0), reading(0), length, (a, b, span) => {
      const measured = measure(a, { ...b, monotonic: millis(span) });
      for (const value of [measured.energy, measured.estimated, measured.unseen]) {
        expect(Number.isSafeInteger(value)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(0);
      }
      expect(measured.energy).toBeLessThanOrEqual(milliJoules(2000 * (1.3 * span + 5000)));
      expect(measured.estimated).toBeLessThanOrEqual(measured.energy);
    }),
    { numRuns: 2000 },
  );
});
