import { describe, expect, test } from "vitest";
import { type Claim, IDLE, shareOut } from "../../../src/energy/attribution.ts";
import { edgeDoubt } from "../../../src/energy/guard.ts";
import { createPowerCurve, type PowerPoint } from "../../../src/energy/power-curve.ts";
import { millis } from "../../../src/units/time.ts";

const claim = (id: string, opened: number, closed?: number, sink: Claim["sink"] = "hashing"): Claim => ({
  id,
  sink,
  weight: 1,
  opened: millis(opened),
  closed: closed === undefined ? undefined : millis(closed),
});
const GUARD = millis(1600);

/** 30 W idle and 300 W load from 10 s to 15 s, as a one-second mean shows it: ramps around both edges. */
const smeared: readonly PowerPoint[] = [
  { at: 0, power: 30 },
  { at: 9500, power: 30 },
  { at: 10_500, power: 300 },
  { at: 14_500, power: 300 },
  { at: 15_500, power: 30 },
  { at: 30_000, power: 30 },
];
const shape = (points = smeared, guard = GUARD) => ({
  curve: createPowerCurve(points, 1100),
  guard,
  smear: millis(1100),
});
const total = (shares: ReadonlyMap<unknown, number>) => [...shares.values()].reduce((sum, one) => sum + one, 0);

describe("work between quiet neighbours", () => {
  const job = claim("job", 10_000, 15_000);

  test("gets back what its sensor smeared beyond its edges, to the millijoule", () => {
    const shares = shareOut([job], 0, 30_000, { shape: shape() });
    expect(shares.get(job)).toBeCloseTo(5 * 300_000, 3);
    expect(shares.get(IDLE)).toBeCloseTo(25 * 30_000, 3);
  });

  test("loses a fortieth of a five-second job without a guard", () => {
    const shares = shareOut([job], 0, 30_000, { shape: shape(smeared, millis(0)) });
    expect((shares.get(job) ?? 0) / 1_500_000).toBeCloseTo(1 - 0.045, 3);
  });

  test("gets the same whether it is settled at once or piece by piece", () => {
    const pieces = [0, 8400, 9000, 10_200, 14_900, 15_100, 16_600, 30_000];
    const sums = pieces
      .slice(1)
      .map((to, index) => shareOut([job], pieces[index] ?? 0, to, { shape: shape() }).get(job));
    expect(sums.reduce<number>((sum, one) => sum + (one ?? 0), 0)).toBeCloseTo(1_500_000, 3);
  });

  test("leaves a resident engine its own level", () => {
    const parked = claim("engine", 0, undefined, "parked");
    const shares = shareOut([parked, job], 0, 30_000, { shape: shape() });
    expect(shares.get(job)).toBeCloseTo(1_500_000, 3);
    expect(shares.get(parked)).toBeCloseTo(750_000, 3);
  });

  test("shares what was smeared with whoever began at the same moment", () => {
    const twins = [claim("a", 10_000, 15_000), claim("b", 10_000, 15_000)];
    const shares = shareOut(twins, 0, 30_000, { shape: shape() });
    expect(twins.map((one) => Math.round(shares.get(one) ?? 0))).toEqual([750_000, 750_000]);
  });

  test("never takes more than there is", () => {
    const falling = [
      { at: 0, power: 100 },
      { at: 30_000, power: 0 },
    ];
    const shares = shareOut([job], 0, 30_000, { shape: shape(falling) });
    expect(total(shares)).toBeCloseTo(1_500_000, 3);
    expect([...shares.values()].every((share) => share >= 0)).toBe(true);
  });
});

describe("work whose neighbours are not quiet", () => {
  test("keeps its own time where the quiet between is shorter than two guards", () => {
    const pair = [claim("a", 5000, 10_000), claim("b", 12_000, 15_000)];
    const shares = shareOut(pair, 10_000, 12_000, { shape: shape() });
    expect([...shares.keys()]).toEqual([IDLE]);
  });

  test("ignores windows that closed with no time gone", () => {
    const job = claim("job", 10_000, 15_000);
    const shares = shareOut([job, claim("nothing", 8000, 8000)], 0, 30_000, { shape: shape() });
    expect(shares.get(job)).toBeCloseTo(1_500_000, 3);
  });

  test("is in doubt at the edge between two, by a quarter of the smear", () => {
    const pair = [claim("a", 5000, 10_000), claim("b", 10_000, 15_000)] as const;
    const step = Math.abs(300 - 30);
    expect(edgeDoubt(pair, pair[1], [9000, 11_000], shape())).toBeCloseTo((step * 1100) / 4, 3);
    expect(edgeDoubt(pair, pair[1], [11_000, 14_000], shape())).toBe(0);
    expect(edgeDoubt([pair[1]], pair[1], [9000, 11_000], shape())).toBe(0);
  });
});
