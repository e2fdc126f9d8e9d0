import { describe, expect, test } from "vitest";
import { createBaselineWatch } from "../../../src/energy/baseline.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { watts } from "../../../src/units/energy.ts";
import { gpuReading } from "../../support/gpu-readings.ts";

interface Stretch {
  readonly seconds: number;
  readonly power: number;
  readonly busy?: boolean;
  readonly changes?: Partial<GpuReading>;
}

const BARE = { processes: [], utilizationPercent: 0 };
const PARKED = { processes: [{ pid: 7 }], utilizationPercent: 0 };

/** One reading a second; every baseline that moved. */
function moves(stretches: readonly Stretch[], known: Parameters<typeof createBaselineWatch>[0] = []) {
  const watch = createBaselineWatch(known);
  let at = 0;
  return stretches.flatMap(({ seconds, power, busy = false, changes = {} }) =>
    Array.from({ length: seconds }, () => {
      at += 1000;
      return watch.look(gpuReading(at, { power }, changes), busy);
    }).filter((move) => move !== undefined),
  );
}

describe("the three powers of a GPU", () => {
  test("are kept apart", () => {
    const seen = moves([
      { seconds: 12, power: 12, changes: BARE },
      { seconds: 12, power: 60, changes: PARKED },
      { seconds: 12, power: 250, busy: true },
    ]);
    expect(seen).toEqual([
      { level: "bare", power: 12 },
      { level: "parked", power: 60 },
      { level: "active", power: 250 },
    ]);
  });

  test("bare and parked only ever fall, active follows", () => {
    const seen = moves([
      { seconds: 11, power: 14, changes: BARE },
      { seconds: 10, power: 20, changes: BARE },
      { seconds: 20, power: 11, changes: BARE },
      { seconds: 11, power: 250, busy: true },
      { seconds: 20, power: 200, busy: true },
    ]);
    expect(seen.filter(({ level }) => level === "bare").map(({ power }) => power)).toEqual([14, 11.45, 11]);
    expect(seen.filter(({ level }) => level === "active").at(-1)?.power).toBe(200);
  });

  test("need a steady stretch: a glitch is none", () => {
    expect(
      moves([
        { seconds: 9, power: 12, changes: BARE },
        { seconds: 1, power: 60, changes: PARKED },
        { seconds: 9, power: 12, changes: BARE },
      ]),
    ).toEqual([]);
  });

  test.each<[string, Partial<GpuReading>]>([
    ["no list of processes", { utilizationPercent: 0 }],
    ["no utilisation", { processes: [] }],
    ["load that is nobody's", { processes: [], utilizationPercent: 30 }],
    ["a GPU in trouble", { ...BARE, health: "unknown" }],
  ])("are not told by %s", (_title, changes) => {
    expect(moves([{ seconds: 30, power: 12, changes }])).toEqual([]);
  });

  test("are never nothing, nor unknown", () => {
    expect(moves([{ seconds: 30, power: 0, changes: BARE }])).toEqual([]);
    expect(moves([{ seconds: 30, power: Number.NaN, changes: BARE }])).toEqual([]);
  });

  test("go on from what was stored", () => {
    const known = [{ level: "bare", power: watts(10) }] as const;
    expect(moves([{ seconds: 12, power: 12, changes: BARE }], known)).toEqual([]);
    expect(moves([{ seconds: 12, power: 9, changes: BARE }], known)).toEqual([{ level: "bare", power: 9 }]);
  });
});
