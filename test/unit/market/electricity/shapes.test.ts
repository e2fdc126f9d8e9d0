import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type RateSeries, rateAt } from "../../../../src/market/electricity/rates.ts";
import { parseRates } from "../../../../src/market/electricity/shapes.ts";
import { unixMs } from "../../../../src/units/time.ts";
import { recordedData, recordedPath } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const at = (iso: string) => unixMs(Date.parse(iso));
const priceAt = (series: RateSeries, iso: string): number | undefined => rateAt(series, at(iso))?.perKwh;
const json = (value: unknown): string => JSON.stringify(value);

describe("Octopus", () => {
  const row = (from: string, to: string | null, pence: number, method: string | null = null) => ({
    valid_from: from,
    valid_to: to,
    value_exc_vat: pence / 1.05,
    value_inc_vat: pence,
    payment_method: method,
  });
  const read = (results: unknown[], payment?: string) =>
    parseRates("octopus", json({ count: results.length, results }), payment === undefined ? {} : { payment });

  test("gives pounds from pence with tax, newest first or not", () => {
    const series = read([
      row("2026-11-22T00:30:00Z", "2026-11-22T01:00:00Z", -2.1),
      row("2026-11-22T00:00:00Z", "2026-11-22T00:30:00Z", 24.5),
    ]);
    expect(series.currency).toBe("GBP");
    expect(priceAt(series, "2026-11-22T00:29:59Z")).toBeCloseTo(0.245, 12);
    expect(priceAt(series, "2026-11-22T00:30:00Z")).toBeCloseTo(-0.021, 12);
    expect(priceAt(series, "2026-11-22T01:00:00Z")).toBeUndefined();
  });

  test("lets a price without an end hold until the next one, or go on", () => {
    const series = read([row("2026-11-01T00:00:00Z", null, 25), row("2026-10-01T00:00:00Z", null, 20)]);
    expect(priceAt(series, "2026-10-31T23:59:59Z")).toBeCloseTo(0.2, 12);
    expect(priceAt(series, "2026-12-01T00:00:00Z")).toBeCloseTo(0.25, 12);
  });

  test("keeps to one way of paying", () => {
    const both = [
      row("2026-11-01T00:00:00Z", null, 25, "DIRECT_DEBIT"),
      row("2026-11-01T00:00:00Z", null, 28, "NON_DIRECT_DEBIT"),
    ];
    expect(priceAt(read(both), "2026-11-02T00:00:00Z")).toBeCloseTo(0.25, 12);
    expect(priceAt(read(both, "NON_DIRECT_DEBIT"), "2026-11-02T00:00:00Z")).toBeCloseTo(0.28, 12);
  });
});

describe("Tibber", () => {
  const slot = (startsAt: string, total: unknown, currency = "NOK") => ({
    total,
    energy: 1,
    tax: 1,
    startsAt,
    currency,
  });
  const wrap = (today: unknown[], tomorrow: unknown[] = []) =>
    json({ data: { viewer: { homes: [{ currentSubscription: { priceInfo: { today, tomorrow } } }] } } });

  test("gives all-in prices whose ends are the next one's start", () => {
    const series = parseRates(
      "tibber",
      wrap(
        [slot("2026-11-22T00:00:00.000+01:00", 1.2), slot("2026-11-22T00:15:00.000+01:00", 1.3)],
        [slot("2026-11-23T00:00:00.000+01:00", 0.9)],
      ),
      {},
    );
    expect(series.currency).toBe("NOK");
    expect(priceAt(series, "2026-11-21T23:14:59Z")).toBe(1.2);
    expect(priceAt(series, "2026-11-21T23:15:00Z")).toBe(1.3);
    // The rest of the day is missing: a hole, not the last price for a day.
    expect(priceAt(series, "2026-11-21T23:30:00Z")).toBeUndefined();
    expect(priceAt(series, "2026-11-22T23:10:00Z")).toBe(0.9);
  });

  const faults: readonly [string, string, string][] = [
    ["a refusal", json({ errors: [{ message: "no such token" }] }), "Tibber refused"],
    ["no home", json({ data: { viewer: { homes: [] } } }), "priceInfo: there is none"],
    ["two currencies", wrap([slot("2026-11-22T00:00:00Z", 1), slot("2026-11-22T01:00:00Z", 1, "SEK")]), "currency"],
    ["no price", wrap([slot("2026-11-22T00:00:00Z", null)]), "today.0.total: wanted a number, got null"],
    ["nothing at all", wrap([]), "it holds no price"],
  ];
  test.each(faults)("with %s is refused and says so", (_title, text, message) => {
    expect(() => parseRates("tibber", text, {})).toThrow(message);
  });
});

describe("Nord Pool", () => {
  const entry = (hour: number, se3: unknown) => ({
    deliveryStart: `2026-11-22T${String(hour).padStart(2, "0")}:00:00Z`,
    deliveryEnd: `2026-11-22T${String(hour + 1).padStart(2, "0")}:00:00Z`,
    entryPerArea: { SE3: se3, SE4: 99 },
  });
  const read = (entries: unknown[], area = "SE3") =>
    parseRates("nord-pool", json({ currency: "EUR", multiAreaEntries: entries }), { area });

  test("gives the wanted area per kWh", () => {
    const series = read([entry(1, -3.1), entry(0, 42.5)]);
    expect(priceAt(series, "2026-11-22T00:59:59Z")).toBe(0.0425);
    expect(priceAt(series, "2026-11-22T01:00:00Z")).toBe(-0.0031);
  });

  test("keeps a missing hour missing", () => {
    expect(priceAt(read([entry(0, 40), entry(2, 50)]), "2026-11-22T01:30:00Z")).toBeUndefined();
  });

  test("says so where the area is not in it, or two prices claim one hour", () => {
    expect(() => read([entry(0, 40)], "NO2")).toThrow(
      "multiAreaEntries.0.entryPerArea.NO2: wanted a number, got nothing",
    );
    expect(() => read([entry(0, 40), entry(0, 41)])).toThrow("2026-11-22T00:00:00.000Z: two prices for the same time");
    expect(() => parseRates("nord-pool", json({ currency: "EUR", multiAreaEntries: [] }), { area: "SE3" })).toThrow(
      "no price",
    );
    expect(() => parseRates("nord-pool", "{}", {})).toThrow("area");
  });
});

describe("aWATTar", () => {
  const row = (start: number, price: unknown, unit = "Eur/MWh") => ({
    start_timestamp: start,
    end_timestamp: start + 3_600_000,
    marketprice: price,
    unit,
  });
  const start = Date.parse("2026-11-22T00:00:00Z");

  test("gives euros per kWh from milliseconds", () => {
    const series = parseRates("awattar", json({ object: "list", data: [row(start, 87.65)] }), {});
    expect(series.currency).toBe("EUR");
    expect(priceAt(series, "2026-11-22T00:30:00Z")).toBeCloseTo(0.087_65, 12);
  });

  const faults: readonly [string, unknown, string][] = [
    ["another unit", row(start, 87, "ct/kWh"), "data.0.unit"],
    ["no unit", { ...row(start, 87), unit: undefined }, "data.0.unit"],
    ["a price in words", row(start, "dear"), "data.0.marketprice"],
    ["seconds for milliseconds", row(start / 1000, 87), "start_timestamp"],
    ["a time beyond all", row(1e300, 87), "start_timestamp"],
  ];
  test.each(faults)("with %s is refused and says where", (_title, one, message) => {
    expect(() => parseRates("awattar", json({ data: [one] }), {})).toThrow(message);
  });
});

describe("CSV", () => {
  const read = (lines: string[], currency = "EUR") => parseRates("csv", lines.join("\n"), { currency });

  test("takes hours without ends on days of 23 and of 25 hours", () => {
    const hours = (from: string, count: number) =>
      Array.from(
        { length: count },
        (_, hour) => `${new Date(Date.parse(from) + hour * 3_600_000).toISOString()},0.${hour + 10}`,
      );
    // Berlin: 2026-03-29 has 23 hours, 2026-10-25 has 25.
    const spring = read(["start,perKwh", ...hours("2026-03-28T23:00:00Z", 23)]);
    expect(spring.rates).toHaveLength(23);
    expect(spring.rates.at(-1)?.end).toBe(at("2026-03-29T22:00:00Z"));
    const autumn = read(["start,perKwh", ...hours("2026-10-24T22:00:00Z", 25)]);
    expect(autumn.rates).toHaveLength(25);
    expect(autumn.rates.every(({ start, end }) => end - start === 3_600_000)).toBe(true);
  });

  test("tells the two hours from 2 to 3 in the autumn night apart by their zone", () => {
    const series = read(["start,perKwh", "2026-10-25T02:00:00+02:00,0.1", "2026-10-25T02:00:00+01:00,0.2"]);
    expect(priceAt(series, "2026-10-25T00:30:00Z")).toBe(0.1);
    expect(priceAt(series, "2026-10-25T01:30:00Z")).toBe(0.2);
  });

  const faults: readonly [string, string[], string][] = [
    ["a time without a zone", ["start,perKwh", "2026-10-25T02:00:00,0.1"], "line 2: wanted a time with its zone"],
    ["an hour twice", ["start,perKwh", "2026-10-25T02:00Z,0.1", "2026-10-25T02:00Z,0.1"], "line 3: time stands still"],
    [
      "time that goes back",
      ["start,perKwh", "2026-10-25T03:00Z,0.1", "2026-10-25T02:00Z,0.2"],
      "line 3: time stands still",
    ],
    ["a price per MWh", ["start,perKwh", "2026-10-25T02:00Z,87.5"], "beyond every market: is the unit right?"],
    ["an empty price", ["start,perKwh", "2026-10-25T02:00Z,"], "line 2: the price is no number"],
    ["NaN", ["start,perKwh", "2026-10-25T02:00Z,NaN"], "line 2: the price is no number"],
    ["no header", ["2026-10-25T02:00Z,0.1"], "line 1: wanted start,perKwh"],
    ["a missing cell", ["start,end,perKwh", "2026-10-25T02:00Z,0.1"], "line 2: wanted 3 cells"],
    ["nothing", ["start,perKwh"], "it holds no price"],
    [
      "an end before its start",
      ["start,end,perKwh", "2026-10-25T02:00Z,2026-10-25T01:00Z,0.1"],
      "ends before it begins",
    ],
    [
      "overlapping prices",
      ["start,end,perKwh", "2026-10-25T02:00Z,2026-10-25T04:00Z,0.1", "2026-10-25T03:00Z,2026-10-25T05:00Z,0.2"],
      "two prices",
    ],
    ["a page instead", ["<html>"], "line 1"],
  ];
  test.each(faults)("with %s is refused and says where", (_title, lines, message) => {
    expect(() => read(lines)).toThrow(message);
  });

  test("allows the figures of small currencies", () => {
    expect(read(["start,perKwh", "2026-10-25T02:00Z,120"], "JPY").rates).toHaveLength(1);
  });

  for (const region of ["DE-LU_2021", "NL_2022", "ES_2023", "US-TEX-ERCO_2021"]) {
    const file = `05-electricity/price-hourly/${region}.csv.gz`;
    testWith(recordedData(file), `reads ${region} as it was, storms, negative hours and missing days included`, () => {
      const [, ...lines] = gunzipSync(readFileSync(recordedPath(file)))
        .toString("utf8")
        .trim()
        .split("\n");
      let last = 0;
      const rows = lines.flatMap((line) => {
        const [time = "", price = ""] = line.split(",");
        // Local time without a zone is taken as UTC here, and its doubled hour is left out: both are the recording's loss.
        const zoned = /[+-]\d\d:\d\d$/.test(time) ? time.replace(" ", "T") : `${time.replace(" ", "T")}Z`;
        if (Date.parse(zoned) <= last) return [];
        last = Date.parse(zoned);
        return [`${zoned},${Number(price) / 1000}`];
      });
      const series = read(["start,perKwh", ...rows], region.startsWith("US") ? "USD" : "EUR");
      expect(series.rates.length).toBeGreaterThan(8600);
      expect(series.rates.every(({ start, end }) => end > start && end - start <= 3_600_000)).toBe(true);
      if (region === "DE-LU_2021") expect(rateAt(series, at("2021-04-30T12:00:00Z"))).toBeUndefined();
      if (region === "US-TEX-ERCO_2021")
        expect(Math.max(...series.rates.map(({ perKwh }) => perKwh))).toBeGreaterThan(8.9);
    });
  }
});

const shapes = ["octopus", "tibber", "nord-pool", "awattar", "entsoe", "csv"] as const;
test.each(shapes)("%s refuses an error page, an empty answer and rubbish in one line", (shape) => {
  for (const text of [
    "<!DOCTYPE html><html>502</html>",
    "",
    "null",
    "[]",
    '{"results":7,"data":7}',
    "\u0000\u001b[31m",
  ]) {
    const read = () => parseRates(shape, text, { area: "SE3", currency: "EUR" });
    expect(read).toThrow(expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_PRICE_ANSWER" }) }));
  }
});
