import { describe, expect, test } from "vitest";
import { WallAccount, type WallModel } from "../../../src/energy/wall.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";

const window = (joules: number, length: number, errorPct = 6) => ({
  energy: milliJoules(joules * 1000),
  errorPct,
  charged: seconds(length),
});
const configured = { hostPower: watts(80), factor: 1.1 };
const nothingKnown = { hostPower: watts(0), factor: 1 / 0.9 };
const fitted = { ...configured, errorPct: 2 };

describe("a job's energy at the wall", () => {
  test("is the GPU's through the power supply, and the host for the job's part and time", () => {
    expect(new WallAccount(nothingKnown, 1).advance(window(900, 60)).energy).toBe(1_000_000);
    expect(new WallAccount(configured, 0.25).advance(window(1000, 10)).energy).toBe(1_300_000);
  });

  test("follows the processor while the job runs", () => {
    const account = new WallAccount({ ...configured, besideProcessor: watts(30) }, 0.5);
    expect(account.advance(window(0, 10), watts(70)).energy).toBe(500_000);
    expect(account.advance(window(0, 20), watts(10)).energy).toBe(700_000);
    // While its counter is silent, the host's mean stands in.
    expect(account.advance(window(0, 30)).energy).toBe(1_100_000);
  });

  test("never has a host that draws less than its processor, nor counts it twice", () => {
    expect(new WallAccount(configured, 1).advance(window(0, 10), watts(50)).energy).toBe(800_000);
    expect(new WallAccount(configured, 1).advance(window(0, 10), watts(95)).energy).toBe(950_000);
  });

  test("does not shrink when a window's time is told anew", () => {
    const account = new WallAccount(configured, 1);
    account.advance(window(0, 10));
    expect(account.advance(window(0, 9)).energy).toBe(800_000);
    expect(account.advance(window(0, 11)).energy).toBe(880_000);
  });
});

describe("its error bound", () => {
  const errorOf = (model: WallModel, processor?: number) => {
    const account = new WallAccount(model, 1);
    return account.advance(window(1000, 10), processor === undefined ? undefined : watts(processor)).errorPct;
  };

  test("is the GPU's, the supply's and half of what is guessed of the host", () => {
    expect(errorOf(configured)).toBeCloseTo((100 * (1100 * 0.11 + 400)) / 1900, 6);
  });

  test("leaves room for a host that nobody configured, also beside its processor", () => {
    expect(errorOf(nothingKnown)).toBeCloseTo((100 * (1111.11 * 0.11 + 400)) / 1111.11, 2);
    expect(errorOf(nothingKnown, 20)).toBeCloseTo((100 * (1111.11 * 0.11 + 400)) / 1311.11, 2);
    expect(errorOf(nothingKnown, 120)).toBeCloseTo((100 * (1111.11 * 0.11 + 600)) / 2311.11, 2);
  });

  test("is the fit's where a meter was read, plus the GPU's own", () => {
    expect(errorOf(fitted)).toBeCloseTo((100 * (1100 * 0.08 + 800 * 0.02)) / 1900, 6);
  });

  test("is everything where there is nothing yet", () => {
    expect(new WallAccount(configured, 1).advance(window(0, 0))).toEqual({ energy: 0, errorPct: 100 });
  });
});
