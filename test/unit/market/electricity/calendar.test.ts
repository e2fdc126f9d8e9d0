import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../../src/config/load.ts";
import { createCalendarRates } from "../../../../src/market/electricity/calendar.ts";
import { type UnixMs, unixMs } from "../../../../src/units/time.ts";

const calendarOf = (zones: readonly object[], timeZone = "Europe/Berlin") => {
  const { calendar } = parseConfig(
    { version: 1, electricity: { calendar: { timeZone, zones } } },
    "test",
    "/",
  ).electricity;
  if (calendar === undefined) throw new Error("there is none");
  return createCalendarRates(calendar);
};
const at = (iso: string): UnixMs => unixMs(Date.parse(iso));

describe("a tariff by time of use", () => {
  const price = calendarOf([
    { perKwh: 0.31 },
    { perKwh: 0.22, hours: "22-6" },
    { perKwh: 0.4, hours: "17:30-19", days: "mon-fri", months: "11-2" },
  ]);
  const rows: readonly [string, string, number][] = [
    ["by day", "2026-06-15T12:00:00+02:00", 0.31],
    ["at the last moment before the night", "2026-06-15T21:59:59+02:00", 0.31],
    ["from ten at night", "2026-06-15T22:00:00+02:00", 0.22],
    ["after midnight", "2026-06-15T05:59:59+02:00", 0.22],
    ["again by day", "2026-06-15T06:00:00+02:00", 0.31],
    ["on a winter evening", "2026-11-23T17:30:00+01:00", 0.4],
    ["until seven", "2026-11-23T19:00:00+01:00", 0.31],
    ["on a winter Sunday", "2026-11-22T18:00:00+01:00", 0.31],
    ["in January, beyond the year's end", "2027-01-04T18:00:00+01:00", 0.4],
    ["in March no more", "2027-03-01T18:00:00+01:00", 0.31],
  ];
  test.each(rows)("costs what its last fitting zone says %s", (_title, iso, expected) => {
    expect(price(at(iso))?.perKwh).toBe(expected);
  });

  test("holds from the quarter of an hour it was asked in until another price begins, a day at most", () => {
    const evening = calendarOf([{ perKwh: 0.31 }, { perKwh: 0.2, hours: "22-6" }]);
    const first = {
      start: at("2026-06-15T19:30:00+02:00"),
      end: at("2026-06-15T22:00:00+02:00"),
      perKwh: 0.31,
    };
    expect(evening(at("2026-06-15T19:37:00+02:00"))).toEqual(first);
    expect(evening(at("2026-06-15T21:59:59+02:00"))).toEqual(first);
    expect(evening(at("2026-06-15T22:00:00+02:00"))).toMatchObject({ perKwh: 0.2, end: at("2026-06-16T06:00+02:00") });
    const flat = calendarOf([{ perKwh: 0.31 }]);
    expect(flat(at("2026-06-15T12:00:00Z"))?.end).toBe(at("2026-06-16T12:00:00Z"));
  });

  test("has a hole where no zone fits", () => {
    expect(calendarOf([{ perKwh: 0.2, hours: "8-20" }])(at("2026-06-15T21:00:00+02:00"))).toBeUndefined();
  });
});

describe("a day of 23 or 25 hours", () => {
  const price = calendarOf([{ perKwh: 0.3 }, { perKwh: 0.1, hours: "2-3" }]);
  const cheapQuarters = (from: string, to: string): number => {
    let count = 0;
    for (let now = Date.parse(from); now < Date.parse(to); now += 900_000)
      if (price(unixMs(now))?.perKwh === 0.1) count++;
    return count;
  };

  test("has no hour from 2 to 3 in spring, and two of them in autumn", () => {
    expect(cheapQuarters("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")).toBe(0);
    expect(cheapQuarters("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")).toBe(8);
    expect(cheapQuarters("2026-06-14T22:00:00Z", "2026-06-15T22:00:00Z")).toBe(4);
  });

  test("is the zone's own: Kathmandu is 5:45 ahead and knows no summer time", () => {
    const nepal = calendarOf([{ perKwh: 0.3 }, { perKwh: 0.1, hours: "6-7" }], "Asia/Kathmandu");
    expect(nepal(at("2026-06-15T00:15:00Z"))?.perKwh).toBe(0.1);
    expect(nepal(at("2026-06-15T01:15:00Z"))?.perKwh).toBe(0.3);
  });
});

describe("a calendar in rig.yaml", () => {
  const faults: readonly [string, object, string][] = [
    ["an unknown zone", { timeZone: "Mars/Olympus", zones: [] }, "electricity.calendar.timeZone"],
    ["hours beyond quarters", { timeZone: "UTC", zones: [{ perKwh: 1, hours: "7:10-9" }] }, "zones[0].hours"],
    ["hours beyond the day", { timeZone: "UTC", zones: [{ perKwh: 1, hours: "7-25" }] }, "zones[0].hours"],
    ["a month 13", { timeZone: "UTC", zones: [{ perKwh: 1, months: "1-13" }] }, "zones[0].months"],
    ["a day of another language", { timeZone: "UTC", zones: [{ perKwh: 1, days: "mo-fr" }] }, "zones[0].days"],
    ["no price", { timeZone: "UTC", zones: [{}] }, "zones[0].perKwh"],
  ];
  test.each(faults)("with %s is refused and says where", (_title, calendar, message) => {
    expect(() => parseConfig({ version: 1, electricity: { calendar } }, "test", "/")).toThrow(message);
  });

  test("and series exclude each other", () => {
    const both = {
      calendar: { timeZone: "UTC", zones: [] },
      series: [{ shape: "awattar", url: "https://a.example/" }],
    };
    expect(() => parseConfig({ version: 1, electricity: both }, "test", "/")).toThrow("either a calendar or series");
  });
});
