import { describe, expect, test } from "vitest";
import { createMinuteBook } from "../../../src/energy/gpu-minutes.ts";
import type { Lump } from "../../../src/energy/lump.ts";
import type { EnergyQuality } from "../../../src/ledger/rows.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";

const at = (ms: number) => unixMs(T0 + ms);

function lump(from: number, to: number, energy: number, quality: EnergyQuality = "counter"): Lump {
  const none = milliJoules(0);
  return {
    energy: milliJoules(energy),
    quality,
    estimated: none,
    unseen: none,
    from: millis(from),
    to: millis(to),
    anchor: { at: at(to), monotonic: millis(to) },
    origin: { epoch: "boot-1" },
  };
}

describe("a minute of a GPU", () => {
  test("holds mean, least and most power, load, the highest temperature, and the energy", () => {
    const book = createMinuteBook(GPU_A);
    book.note(gpuReading(1000, { power: 100 }, { utilizationPercent: 50, temperatureC: 60 }));
    book.note(gpuReading(2000, { power: 300 }, { utilizationPercent: 100, temperatureC: 66 }));
    book.note(gpuReading(3000, { power: 200 }, { temperatureC: 64 }));
    book.add(lump(1000, 3000, 400_001));
    expect(book.take(at(69_999))).toEqual([]);
    expect(book.take(at(70_000))).toEqual([
      {
        gpu: GPU_A,
        minute: T0,
        powerReads: 3,
        powerMean: 200,
        powerMin: 100,
        powerMax: 300,
        energy: 400_001,
        covered: 2000,
        quality: "counter",
        utilizationPercent: 75,
        temperatureC: 66,
      },
    ]);
    expect(book.take(at(900_000))).toEqual([]);
  });

  test("is absent where nothing was read, and has nothing that was not read", () => {
    const book = createMinuteBook(GPU_A);
    book.note(gpuReading(1000, {}, { health: "lost" }));
    book.note(gpuReading(61_000, {}, { utilizationPercent: 5 }));
    book.note(gpuReading(62_000, { power: Number.NaN }));
    const [minute, ...more] = book.flush();
    expect(more).toEqual([]);
    expect(minute).toMatchObject({ minute: T0 + 60_000, powerReads: 0, energy: undefined, quality: undefined });
    expect([minute?.powerMean, minute?.powerMin, minute?.temperatureC]).toEqual([undefined, undefined, undefined]);
  });

  test("gets its part of a span over several, to the millijoule, and the worst label in it", () => {
    const book = createMinuteBook(GPU_A);
    book.add(lump(0, 50_000, 10));
    book.add(lump(50_000, 130_000, 80_001, "reset"));
    const minutes = book.flush();
    expect(minutes.map(({ energy, covered, quality }) => [energy, covered, quality])).toEqual([
      [10_010, 60_000, "reset"],
      [60_001, 60_000, "reset"],
      [10_000, 10_000, "reset"],
    ]);
  });

  test("gets nothing of a span too long to say anything about it", () => {
    const book = createMinuteBook(GPU_A);
    book.add(lump(0, 600_001, 5000, "lost"));
    expect(book.flush()).toEqual([]);
  });

  test("comes again with energy that was settled late", () => {
    const book = createMinuteBook(GPU_A);
    book.note(gpuReading(1000, { power: 100 }));
    expect(book.take(at(75_000))).toMatchObject([{ minute: T0, energy: undefined }]);
    book.add(lump(1000, 5000, 400_000));
    expect(book.take(at(76_000))).toMatchObject([{ minute: T0, powerReads: 0, energy: 400_000 }]);
  });
});
