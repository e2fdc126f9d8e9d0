import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitWall, type WallPoint } from "../../../src/energy/wall-fit.ts";
import { watts } from "../../../src/units/energy.ts";

const prior = { hostPower: watts(60), factor: 1 / 0.9 };
const DAY = 1440;
const points = (count: number, gpus: (i: number) => number, wall: (gpus: number, i: number) => number): WallPoint[] =>
  Array.from({ length: count }, (_, i) => ({ gpus: watts(gpus(i)), wall: watts(wall(gpus(i), i)) }));
const swinging = (i: number) => 200 + 300 * Math.abs(Math.sin(i));

describe("the wall model", () => {
  test("is found from a week of minutes in which the load changed", () => {
    const fit = fitWall(
      points(7 * DAY, swinging, (gpus) => 95 + 1.17 * gpus),
      prior,
    );
    expect(fit?.model.factor).toBeCloseTo(1.17, 2);
    expect(fit?.model.hostPower).toBeCloseTo(95, 0);
    expect(fit?.residualPct).toBeLessThan(0.1);
    expect(fit?.points).toBe(7 * DAY);
  });

  test("keeps the slope it was given where the load never changed, and finds the rest", () => {
    const fit = fitWall(
      points(
        7 * DAY,
        () => 400,
        () => 560,
      ),
      prior,
    );
    expect(fit?.model.factor).toBeCloseTo(prior.factor, 6);
    expect(fit?.model.hostPower).toBeCloseTo(560 - 400 * prior.factor, 0);
    expect(fit?.priorShare).toBe(1);
  });

  test("stays near the slope it was given where the load hardly changes, and says that nothing measured it", () => {
    // Two watts of a fan in step with two watts of load would be a slope of 2.5.
    const nearlyEven = points(
      7 * DAY,
      (i) => 400 + (i % 2 === 0 ? 1 : -1),
      (gpus) => 560 + 2.5 * (gpus - 400),
    );
    for (const some of [nearlyEven, nearlyEven.slice(0, 60)]) {
      const fit = fitWall(some, prior);
      expect(Math.abs((fit?.model.factor ?? 0) - prior.factor)).toBeLessThan(0.02);
      expect(fit?.priorShare).toBeGreaterThan(0.98);
      // The meter's 1.5 % and nearly all of the supply's 5 %.
      expect((fit?.model.errorPct ?? 0) - (fit?.residualPct ?? 0)).toBeCloseTo(6.5, 0);
    }
  });

  test("meets its prior half way after an hour whose load spread by 30 W", () => {
    const fit = fitWall(
      points(
        60,
        (i) => 400 + (i % 2 === 0 ? 30 : -30),
        (gpus) => 90 + 1.25 * gpus,
      ),
      prior,
    );
    expect(fit?.model.factor).toBeCloseTo((1.25 + prior.factor) / 2, 3);
    expect(fit?.priorShare).toBeCloseTo(0.5, 6);
    expect(fit?.model.errorPct).toBeCloseTo(1.5 + 0.5 * 5 + (fit?.residualPct ?? 0), 6);
  });

  test("is not moved by minutes in which the meter jumped", () => {
    const jumping = points(DAY, swinging, (gpus, i) => (i % 100 === 7 ? 9000 : 95 + 1.17 * gpus));
    const fit = fitWall(jumping, prior);
    expect(fit?.model.factor).toBeCloseTo(1.17, 2);
    expect(fit?.model.hostPower).toBeCloseTo(95, -1);
    expect(fit?.residualPct).toBeLessThan(0.5);
    expect(fit?.points).toBe(DAY - Math.ceil((DAY - 7) / 100));
  });

  test("tells the processor from the rest of the host where its counter was read", () => {
    const busy = points(7 * DAY, swinging, (gpus) => gpus).map(({ gpus }, i) => {
      const host = watts(20 + (i % 7) * 10);
      return { gpus, host, wall: watts(45 + 1.17 * gpus + prior.factor * host) };
    });
    const { model, residualPct } = fitWall(busy, prior) ?? {};
    expect(model?.factor).toBeCloseTo(1.17, 2);
    expect(model?.besideProcessor).toBeCloseTo(45, 0);
    expect(model?.hostPower).toBeCloseTo(45 + prior.factor * 50, 0);
    expect(residualPct).toBeLessThan(0.2);
    // Half of the minutes or fewer are not enough to leave the others out.
    const half = busy.map((point, i) => (i % 2 === 0 ? point : { gpus: point.gpus, wall: point.wall }));
    expect(fitWall(half, prior)?.model.besideProcessor).toBeUndefined();
  });

  test("says how much it leaves unexplained", () => {
    const noisy = points(DAY, swinging, (gpus, i) => 95 + 1.17 * gpus + (i % 2 === 0 ? 20 : -20));
    const fit = fitWall(noisy, prior);
    const mean = noisy.reduce((sum, { wall }) => sum + wall, 0) / DAY;
    expect(fit?.residualPct).toBeCloseTo((100 * 20) / mean, 1);
    expect(fit?.model.errorPct).toBeCloseTo(1.5 + (fit?.residualPct ?? 0) + 5 * (fit?.priorShare ?? 0), 6);
  });

  test.each([
    ["below 0.95", 0.5, 0.95],
    ["above 1.30", 2.5, 1.3],
  ])("has no slope %s", (_title, slope, expected) => {
    const fit = fitWall(
      points(DAY, swinging, (gpus) => 400 + slope * gpus),
      prior,
    );
    expect(fit?.model.factor).toBe(expected);
  });

  test("is not fitted to half an hour or less, nor to a meter that sees less than the GPUs draw", () => {
    expect(
      fitWall(
        points(29, swinging, (gpus) => 95 + 1.17 * gpus),
        prior,
      ),
    ).toBeUndefined();
    expect(
      fitWall(
        points(DAY, swinging, (gpus) => 0.5 * gpus),
        prior,
      ),
    ).toBeUndefined();
    expect(fitWall([], prior)).toBeUndefined();
  });

  test("hardly moves for the first hour", () => {
    const fit = fitWall(
      points(
        30,
        () => 400,
        () => 400 * prior.factor + 120,
      ),
      prior,
    );
    expect(fit?.model.hostPower).toBeGreaterThan(70);
    expect(fit?.model.hostPower).toBeLessThan(90);
  });
});

test("whatever the minutes hold, slope and host stay sane", () => {
  const any = fc.double({ min: -1e6, max: 1e6, noNaN: false });
  const host = fc.option(any.map(watts), { nil: undefined });
  const point = fc.record({ gpus: any.map(watts), wall: any.map(watts), host });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 200 }), (some) => {
      const fit = fitWall(some, prior);
      if (fit === undefined) return;
      expect(fit.model.factor).toBeGreaterThanOrEqual(0.95);
      expect(fit.model.factor).toBeLessThanOrEqual(1.3);
      expect(fit.model.hostPower).toBeGreaterThanOrEqual(0);
      expect(fit.residualPct).toBeGreaterThanOrEqual(0);
    }),
  );
});
