import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type RateSeries, rateAt, toSeries } from "../../../../src/market/electricity/rates.ts";
import { SeriesGuard } from "../../../../src/market/electricity/series-guard.ts";
import { type UnixMs, unixMs } from "../../../../src/units/time.ts";
import { recordedData, recordedPath } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 5, 1);
const at = (hour: number): UnixMs => unixMs(START + hour * HOUR);
/** Between 0.20 and 0.31 over the day. */
const ordinary = (hour: number): number => 0.2 + ((hour + 1200) % 12) / 100;

/** What is published at `hour`: from two days ago until the next midnight but one. */
function published(hour: number, price: (hour: number) => number = ordinary, currency = "EUR"): RateSeries {
  const [from, to] = [Math.floor(hour / 24) * 24 - 48, Math.floor((hour + 11) / 24) * 24 + 24];
  return toSeries(
    currency,
    Array.from({ length: to - from }, (_, step) => from + step).map((one) => ({
      start: at(one),
      end: at(one + 1),
      perKwh: price(one),
    })),
  );
}

/** A guard that has followed a source for ten days, by the hour. */
function experienced(): SeriesGuard {
  const guard = new SeriesGuard();
  for (let hour = 0; hour < 240; hour++) guard.take(published(hour), at(hour));
  return guard;
}
const believedAt = (guard: SeriesGuard, hour: number) => guard.rateAt(at(hour))?.perKwh;

describe("an electricity series", () => {
  test("is believed from the first answer on, at whatever price", () => {
    for (const price of [-0.5, 0, 0.3, 9]) {
      const guard = new SeriesGuard();
      guard.take(
        published(0, () => price),
        at(0),
      );
      expect(believedAt(guard, 0)).toBe(price);
    }
  });

  const wrong: readonly [string, (hour: number) => number, number][] = [
    ["zeros", () => 0, ordinary(241)],
    ["a thousandth", (hour) => ordinary(hour) / 1000, ordinary(241)],
    ["half of what it said", (hour) => ordinary(hour) / 2, ordinary(241)],
    ["what it said below zero", (hour) => -ordinary(hour), ordinary(241)],
    ["fifty-fold", (hour) => ordinary(hour) * 50, 5 * 0.31],
    ["a thousandth less", (hour) => ordinary(hour) * 0.999, ordinary(241) * 0.999],
    ["a half more", (hour) => ordinary(hour) * 1.5, ordinary(241) * 1.5],
  ];
  test.each(wrong)("that says %s for most of an hour is held where it could do harm", (_title, price, expected) => {
    const guard = experienced();
    for (const minute of [0, 5, 20, 40, 59]) {
      guard.take(published(241, price), unixMs(at(241) + minute * 60_000));
      expect(believedAt(guard, 241)).toBeCloseTo(expected, 12);
    }
    guard.take(published(242), at(242));
    // After a price that was too dear, the former one is the cheaper story.
    const isWaiting = price(242) > ordinary(242);
    expect(believedAt(guard, 242)).toBeCloseTo(isWaiting ? Math.min(price(242), 5 * 0.31) : ordinary(242), 12);
    expect(guard.isWaiting).toBe(isWaiting);
  });

  test("that insists for an hour is believed, cheaper hours and dearer ones", () => {
    for (const factor of [0, 0.5, -1, 50]) {
      const guard = experienced();
      const price = (hour: number) => ordinary(hour) * factor;
      for (const minute of [0, 20, 40, 60]) guard.take(published(241, price), unixMs(at(241) + minute * 60_000));
      expect(believedAt(guard, 242), String(factor)).toBeCloseTo(price(242), 12);
    }
  });

  test("that was heard twice in an hour has not insisted", () => {
    const guard = experienced();
    for (const hour of [241, 243])
      guard.take(
        published(hour, () => 0),
        at(hour),
      );
    expect(believedAt(guard, 243)).toBe(ordinary(243));
  });

  test("that tells another cheap story begins its hour anew", () => {
    const guard = experienced();
    for (let step = 0; step < 12; step++) {
      const price = (hour: number) => ordinary(hour) * (1 - step / 20);
      guard.take(published(241, price), unixMs(at(241) + step * 10 * 60_000));
      expect(guard.rateAt(unixMs(at(241) + step * 10 * 60_000))?.perKwh).toBe(ordinary(step < 6 ? 241 : 242));
    }
  });

  test("published a day ahead is at hand when it begins, below zero and at ten-fold", () => {
    const guard = experienced();
    const price = (hour: number) => (hour >= 264 && hour < 276 ? -0.4 : hour >= 276 && hour < 288 ? 3 : ordinary(hour));
    for (let hour = 240; hour < 288; hour++) {
      guard.take(published(hour, price), at(hour));
      expect(believedAt(guard, hour), String(hour)).toBe(price(hour));
    }
  });

  test("says that nobody promises how long a held price stands", () => {
    const guard = experienced();
    expect(guard.rateAt(at(239))).not.toHaveProperty("isHeld");
    guard.take(
      published(241, () => 0),
      at(241),
    );
    expect(guard.rateAt(at(241))).toMatchObject({ isHeld: true, currency: "EUR" });
    expect(guard.isWaiting).toBe(true);
  });

  test("has a hole where an hour is missing, whatever was said before", () => {
    const guard = experienced();
    const { rates } = published(241);
    guard.take({ currency: "EUR", rates: rates.filter(({ start }) => start !== at(242)) }, at(241));
    expect(guard.rateAt(at(242))).toBeUndefined();
    expect(believedAt(guard, 243)).toBe(ordinary(243));
  });

  test("in another currency begins a new past", () => {
    const guard = experienced();
    guard.take(
      published(241, (hour) => ordinary(hour) / 10, "GBP"),
      at(241),
    );
    expect(guard.rateAt(at(241))).toMatchObject({ perKwh: ordinary(241) / 10, currency: "GBP" });
  });

  test("keeps its past over a restart, two weeks and no more", () => {
    const again = new SeriesGuard(experienced().memory);
    again.take(
      published(241, () => 0),
      at(241),
    );
    expect(believedAt(again, 241)).toBe(0.2);
    const { memory } = experienced();
    expect(memory.length).toBeLessThanOrEqual(17);
    const old = new SeriesGuard(memory);
    old.take(
      published(900, () => 0),
      at(900),
    );
    expect(believedAt(old, 900)).toBe(0);
  });

  test("begins its claim anew when our clock is set back", () => {
    const guard = experienced();
    guard.take(
      published(241, () => 0),
      at(241),
    );
    guard.take(
      published(230, () => 0),
      at(230),
    );
    guard.take(
      published(230, () => 0),
      unixMs(at(230) + 60_000),
    );
    expect(believedAt(guard, 230)).toBe(ordinary(230));
  });
});

describe("of recorded prices, read by the hour as they were published", () => {
  const years = [
    ["DE-LU_2022", "EUR", true],
    ["DE-LU_2023", "EUR", true],
    ["NL_2023", "EUR", true],
    ["US-TEX-ERCO_2021", "USD", true],
    ["US-TEX-ERCO_2021", "USD", false],
  ] as const;
  for (const [name, currency, isAhead] of years) {
    const file = `05-electricity/price-hourly/${name}.csv.gz`;
    const when = isAhead ? "the day before" : "as its hour began";
    testWith(
      recordedData(file),
      `every hour of ${name} ${when} is believed as it was`,
      () => {
        const rates = readYear(file);
        const series: RateSeries = { currency, rates };
        const guard = new SeriesGuard();
        let held = 0;
        let hoursSeen = 0;
        for (const { start } of rates) {
          const until = isAhead ? Math.floor((start + 11 * HOUR) / (24 * HOUR)) * 24 * HOUR + 24 * HOUR : start + HOUR;
          const known = rates.filter((rate) => rate.start > start - 48 * HOUR && rate.start < until);
          guard.take({ currency, rates: known }, start);
          hoursSeen++;
          if (guard.rateAt(start)?.perKwh !== rateAt(series, start)?.perKwh) held++;
        }
        // Without notice a price beyond two weeks is held for its first two hours.
        expect(held / hoursSeen).toBeLessThan(isAhead ? 1e-9 : 0.02);
      },
      60_000,
    );
  }
});

/** Hours in the order of the file; a missing or repeated one is a step of an hour all the same. */
function readYear(file: string) {
  const [, ...lines] = gunzipSync(readFileSync(recordedPath(file)))
    .toString()
    .trim()
    .split("\n");
  return lines.map((line, index) => ({
    start: at(index),
    end: at(index + 1),
    perKwh: Number(line.split(",")[1]) / 1000,
  }));
}
