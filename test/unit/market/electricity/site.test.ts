import { describe, expect, test } from "vitest";
import { freshSite, parseSite } from "../../../../src/market/electricity/site.ts";
import { minutes, unixMs } from "../../../../src/units/time.ts";

const AT = unixMs(1_760_000_000_000);
const PLACES = { exportW: "/grid/w", batteryPct: "/soc" };

describe("what the house does", () => {
  test("is read from where it stands", () => {
    expect(parseSite({ grid: { w: "-350.5" }, soc: 81 }, PLACES, AT)).toEqual({
      at: AT,
      exported: -350.5,
      batteryPct: 81,
    });
    expect(parseSite({ grid: { w: 0 } }, { exportW: "/grid/w" }, AT)).toEqual({ at: AT, exported: 0 });
  });

  test.each([
    [{ grid: {} }, "/grid/w: wanted a number, got nothing"],
    [{ grid: { w: "lots" }, soc: 5 }, "/grid/w: wanted a number"],
    [{ grid: { w: 1e8 }, soc: 5 }, "more than any house"],
    [{ grid: { w: 1 }, soc: 101 }, "/soc: 101 is no percentage"],
    [{ grid: { w: 1 }, soc: null }, "/soc: wanted a number, got null"],
  ])("is refused when it makes no sense: %j", (body, message) => {
    expect(() => parseSite(body, PLACES, AT)).toThrow(message);
  });

  test("tells what the battery gives, below 0 while it is charged", () => {
    const places = { exportW: "/w", batteryW: "/battery" };
    expect(parseSite({ w: 0, battery: 900 }, places, AT)).toEqual({ at: AT, exported: 0, discharged: 900 });
    expect(parseSite({ w: 0, battery: -200 }, places, AT).discharged).toBe(-200);
    expect(() => parseSite({ w: 0, battery: null }, places, AT)).toThrow("/battery: wanted a number, got null");
    expect(() => parseSite({ w: 0, battery: 1e8 }, places, AT)).toThrow("more than any house");
  });

  test("is forgotten after two minutes", () => {
    const reading = parseSite({ grid: { w: 1 }, soc: 1 }, PLACES, AT);
    expect(freshSite(reading, unixMs(AT + minutes(2)))).toBe(reading);
    expect(freshSite(reading, unixMs(AT + minutes(2) + 1))).toBeUndefined();
    expect(freshSite(undefined, AT)).toBeUndefined();
  });
});
