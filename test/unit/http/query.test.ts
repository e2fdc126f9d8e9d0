import { describe, expect, test } from "vitest";
import { parseEnergyQuery, parseJobsQuery, parseListQuery } from "../../../src/http/query.ts";
import { unixMs } from "../../../src/units/time.ts";

const DAY = 86_400_000;
const NOW = unixMs(1_789_382_400_000);

describe("an energy query", () => {
  test("without bounds is the last day in quarter hours", () => {
    expect(parseEnergyQuery({}, NOW)).toEqual({ kind: "ok", value: { fromMs: NOW - DAY, toMs: NOW, bucket: "15m" } });
  });

  test("takes milliseconds and RFC 3339 alike", () => {
    const byText = parseEnergyQuery({ from: "2026-09-14T00:00:00Z", to: "2026-09-14T12:00:00+02:00" }, NOW);
    const byNumber = parseEnergyQuery({ from: "1789344000000", to: "1789380000000" }, NOW);
    expect(byText).toEqual(byNumber);
    expect(byNumber.kind).toBe("ok");
  });

  test("reaches back further with wider buckets", () => {
    const kindOf = (days: number, bucket: string) =>
      parseEnergyQuery({ from: String(NOW - days * DAY), bucket }, NOW).kind;
    expect([kindOf(8, "15m"), kindOf(9, "15m")]).toEqual(["ok", "refused"]);
    expect([kindOf(32, "1h"), kindOf(33, "1h")]).toEqual(["ok", "refused"]);
    expect([kindOf(400, "1d"), kindOf(401, "1d")]).toEqual(["ok", "refused"]);
  });

  const wrong = [
    { from: "yesterday" },
    { from: "-1" },
    { to: "2026-09-14" },
    { to: "1e12" },
    { from: ["1", "2"] },
    { x: "1" },
  ];
  for (const query of wrong)
    test(`${JSON.stringify(query)} is refused with the field's name`, () => {
      const checked = parseEnergyQuery(query, NOW);
      expect(checked).toMatchObject({ kind: "refused", refusal: { status: 400, code: "ERR_HTTP_INVALID_QUERY" } });
    });
});

describe("a list query", () => {
  test("has a limit of 50 unless told", () => {
    expect(parseListQuery({})).toEqual({ kind: "ok", value: { limit: 50 } });
    expect(parseJobsQuery({ limit: "1000", before: "5" })).toEqual({ kind: "ok", value: { limit: 1000, before: 5 } });
  });

  test("says which bound was broken", () => {
    expect(parseListQuery({ limit: "1001" })).toMatchObject({
      refusal: { message: 'limit: wanted at most 1000, got "1001"', param: "limit" },
    });
    expect(parseListQuery({ limit: "1.5" })).toMatchObject({
      refusal: { message: 'limit: wanted a whole number, got "1.5"' },
    });
  });
});
