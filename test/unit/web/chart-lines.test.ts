import { describe, expect, test } from "vitest";
import {
  greatestOf,
  niceCeiling,
  SHEET_WIDTH,
  sampleAt,
  toBands,
  toLine,
  toSpan,
  toStretches,
  toX,
} from "../../../src/web/chart-lines.ts";
import { HISTORY_MS, type Sample } from "../../../src/web/history.ts";

const NOW = 1_000_000_000;
const sample = (secondsAgo: number, changes: Partial<Sample> = {}): Sample => ({
  atMs: NOW - secondsAgo * 1000,
  tone: "hashing",
  powerW: 50,
  hashrateHps: null,
  tokensPerSecond: null,
  ...changes,
});
const power = ({ powerW }: Sample) => powerW;
const SPAN = { nowMs: NOW, spanMs: HISTORY_MS };
const sheet = { span: SPAN, ceiling: 100, height: 100 };

test("time runs from the left edge ten minutes ago to the right edge now", () => {
  expect([toX(NOW - HISTORY_MS, SPAN), toX(NOW - HISTORY_MS / 2, SPAN), toX(NOW, SPAN)]).toEqual([0, 500, SHEET_WIDTH]);
  expect([toX(NOW - 2 * HISTORY_MS, SPAN), toX(NOW + 5000, SPAN)]).toEqual([0, SHEET_WIDTH]);
});

describe("the stretch of time", () => {
  const spanOf = (age: number) => toSpan([sample(age)], NOW).spanMs / 60_000;

  test("grows with the samples in whole minutes, from two to ten", () => {
    expect([0, 119, 121, 400, 600, 900].map(spanOf)).toEqual([2, 2, 3, 7, 10, 10]);
    expect(toSpan([], NOW)).toEqual({ nowMs: NOW, spanMs: 120_000 });
  });
});

test("an axis ends at a round number with air above the greatest value", () => {
  const cases = [
    [65.7, 80],
    [100, 150],
    [212, 250],
    [24_920_000, 30_000_000],
    [0.004, 0.005],
    [950, 1500],
  ] as const;
  for (const [greatest, ceiling] of cases) expect(niceCeiling(greatest)).toBeCloseTo(ceiling, 9);
  expect([niceCeiling(0), niceCeiling(-4), niceCeiling(Number.NaN)]).toEqual([1, 1, 1]);
});

describe("a line", () => {
  test("breaks where the value is unknown and where the samples pause", () => {
    const samples = [sample(100), sample(99), sample(98, { powerW: null }), sample(97), sample(60), sample(59)];
    expect(toStretches(samples, power, sheet).map((points) => points.length)).toEqual([2, 1, 2]);
  });

  test("stays on the sheet", () => {
    const [points] = toStretches([sample(1, { powerW: 900 }), sample(0, { powerW: -3 })], power, sheet);
    expect(points?.map(({ y }) => y)).toEqual([0, 100]);
  });

  test("is one path of moves and lines, a lone point a dash", () => {
    expect(
      toLine([
        [
          { x: 0, y: 50 },
          { x: 10, y: 49.96 },
        ],
        [{ x: 20, y: 1 }],
      ]),
    ).toBe("M0 50L10 50M20 1h2");
    expect(toLine([])).toBe("");
  });
});

describe("bands", () => {
  test("merge neighbours of one tone and meet where the tone changes", () => {
    const samples = [
      sample(60),
      sample(48),
      sample(36, { tone: "inference" }),
      sample(24, { tone: "inference" }),
      sample(12),
    ];
    expect(toBands(samples, SPAN)).toEqual([
      { tone: "hashing", from: 900, to: 940 },
      { tone: "inference", from: 940, to: 980 },
      { tone: "hashing", from: 980, to: SHEET_WIDTH },
    ]);
  });

  test("leave a gap where nothing was heard", () => {
    const bands = toBands([sample(120), sample(108), sample(48), sample(36), sample(6)], SPAN);
    expect(bands.map(({ from, to }) => [Math.round(from), Math.round(to)])).toEqual([
      [800, 820],
      [920, 1000],
    ]);
  });

  test("show even a request that had the GPU for a moment", () => {
    const samples = [sample(60), sample(30, { tone: "inference" }), sample(29.9), sample(0)];
    const [, brief] = toBands(samples, SPAN);
    expect(brief).toEqual({ tone: "inference", from: 950, to: 953 });
  });

  test("do not reach up to now when the last sample is old", () => {
    expect(toBands([sample(120), sample(108)], SPAN)).toEqual([{ tone: "hashing", from: 800, to: 820 }]);
  });
});

test("the greatest of unknown values is unknown", () => {
  expect(greatestOf([sample(1, { powerW: null })], power)).toBeNull();
  expect(greatestOf([sample(2), sample(1, { powerW: 70 }), sample(0, { powerW: null })], power)).toBe(70);
});

test("pointing reads the nearest sample", () => {
  const samples = [sample(300), sample(200), sample(100)];
  expect(sampleAt(samples, 0, SPAN)).toBe(samples[0]);
  expect(sampleAt(samples, 660, SPAN)).toBe(samples[1]);
  expect(sampleAt([], 5, SPAN)).toBeUndefined();
});
