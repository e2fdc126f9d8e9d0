import { describe, expect, test } from "vitest";
import { parseEntsoe } from "../../../../src/market/electricity/entsoe.ts";
import { rateAt } from "../../../../src/market/electricity/rates.ts";
import { unixMs } from "../../../../src/units/time.ts";

interface Series {
  readonly start?: string;
  readonly end?: string;
  readonly resolution?: string;
  readonly points?: readonly (readonly [number, string])[];
  readonly rank?: number;
  readonly currency?: string;
  readonly unit?: string;
}

const seriesXml = ({ start, end, resolution, points, rank, currency, unit }: Series): string => `
  <TimeSeries>
    ${rank === undefined ? "" : `<classificationSequence_AttributeInstanceComponent.position>${rank}</classificationSequence_AttributeInstanceComponent.position>`}
    <currency_Unit.name>${currency ?? "EUR"}</currency_Unit.name>
    <price_Measure_Unit.name>${unit ?? "MWH"}</price_Measure_Unit.name>
    <curveType>A03</curveType>
    <Period>
      <timeInterval><start>${start ?? "2026-11-21T23:00Z"}</start><end>${end ?? "2026-11-22T03:00Z"}</end></timeInterval>
      <resolution>${resolution ?? "PT60M"}</resolution>
      ${(
        points ?? [
          [1, "10"],
          [2, "20"],
          [3, "30"],
          [4, "40"],
        ]
      )
        .map(([at, price]) => `<Point><position>${at}</position><price.amount>${price}</price.amount></Point>`)
        .join("")}
    </Period>
  </TimeSeries>`;
const document = (...series: Series[]): string =>
  `<?xml version="1.0" encoding="utf-8"?>\n<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">${series.map(seriesXml).join("")}</Publication_MarketDocument>`;
const priceAt = (xml: string, iso: string) => rateAt(parseEntsoe(xml), unixMs(Date.parse(iso)))?.perKwh;

describe("an ENTSO-E document", () => {
  test("gives euros per kWh from positions in its interval", () => {
    const xml = document({});
    expect(parseEntsoe(xml).currency).toBe("EUR");
    expect(priceAt(xml, "2026-11-21T23:00:00Z")).toBe(0.01);
    expect(priceAt(xml, "2026-11-22T02:59:59Z")).toBe(0.04);
    expect(priceAt(xml, "2026-11-22T03:00:00Z")).toBeUndefined();
  });

  test("repeats the last price where positions are left out", () => {
    const xml = document({
      points: [
        [1, "10"],
        [3, "-30.5"],
      ],
    });
    expect(priceAt(xml, "2026-11-22T00:30:00Z")).toBe(0.01);
    expect(priceAt(xml, "2026-11-22T02:30:00Z")).toBe(-0.0305);
  });

  test("has 92 quarters in spring and 100 in autumn", () => {
    const day = (start: string, end: string) =>
      parseEntsoe(document({ start, end, resolution: "PT15M", points: [[1, "5"]] })).rates.length;
    expect(day("2026-03-28T23:00Z", "2026-03-29T22:00Z")).toBe(92);
    expect(day("2026-10-24T22:00Z", "2026-10-25T23:00Z")).toBe(100);
  });

  test("takes the lowest classification, then the finest series, of several for one time", () => {
    const coarse = { points: [[1, "10"]] as const };
    const fine = { resolution: "PT15M", points: [[1, "99"]] as const };
    expect(priceAt(document({ ...fine, rank: 2 }, { ...coarse, rank: 1 }), "2026-11-22T00:00Z")).toBe(0.01);
    expect(priceAt(document(coarse, fine), "2026-11-22T00:00Z")).toBe(0.099);
  });

  const refusal =
    "<Acknowledgement_MarketDocument><Reason><code>999</code><text>No matching data</text></Reason></Acknowledgement_MarketDocument>";
  const faults: readonly [string, string, string][] = [
    ["a refusal", refusal, 'a refusal: "No matching data"'],
    ["another document", "<html><body>maintenance</body></html>", "no price document"],
    ["no series", document(), "no price"],
    ["another unit", document({ unit: "KWH" }), 'price_Measure_Unit.name: wanted MWH, got "KWH"'],
    ["no first position", document({ points: [[2, "10"]] }), "the first one is missing"],
    [
      "a position beyond the interval",
      document({
        points: [
          [1, "1"],
          [5, "1"],
        ],
      }),
      "wanted 1 to 4",
    ],
    ["a position 0", document({ points: [[0, "1"]] }), "wanted 1 to 4"],
    ["a price in words", document({ points: [[1, "dear"]] }), "price.amount: no number"],
    ["a resolution of a day", document({ resolution: "P1D" }), 'wanted PT15M, PT30M or PT60M, got "P1D"'],
    ["an interval that runs backwards", document({ end: "2026-11-20T00:00Z" }), "timeInterval"],
    ["an interval of a thousand years", document({ end: "2199-01-01T00:00Z" }), "timeInterval"],
    [
      "two currencies",
      document({}, { currency: "PLN", start: "2026-11-22T03:00Z", end: "2026-11-22T07:00Z" }),
      "currency_Unit.name",
    ],
    ["an element cut off", document({}).slice(0, -120), "cut off"],
  ];
  test.each(faults)("with %s is refused and says where", (_title, xml, message) => {
    expect(() => parseEntsoe(xml)).toThrow(message);
  });
});
