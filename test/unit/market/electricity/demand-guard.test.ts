import { describe, expect, test } from "vitest";
import { DemandGuard } from "../../../../src/market/electricity/demand-guard.ts";
import { watts } from "../../../../src/units/energy.ts";
import { type UnixMs, unixMs } from "../../../../src/units/time.ts";

const TERMS = { usdPerKwMonth: 4, floor: watts(2500) };
const at = (iso: string): UnixMs => unixMs(Date.parse(iso));

/** Draws `power` from `from` on for `minutes`, looked at every five seconds. */
function draw(guard: DemandGuard, power: number, from: string, minutes: number): void {
  for (let now = 0; now <= minutes * 60_000; now += 5000) guard.observe(watts(power), unixMs(at(from) + now));
}

describe("the month's peak", () => {
  test("begins at the floor", () => {
    const facts = new DemandGuard(TERMS, undefined).facts(at("2026-11-30T23:45:00Z"));
    expect(facts).toMatchObject({ peak: 2500, usedWh: 0, hoursLeftInWindow: 0.25, hoursLeftInMonth: 0.25 });
  });

  test("is the highest mean of a fixed quarter of an hour", () => {
    const guard = new DemandGuard(TERMS, undefined);
    draw(guard, 4000, "2026-11-22T10:00:00Z", 15);
    expect(guard.facts(at("2026-11-22T10:15:00Z")).peak).toBeCloseTo(4000, -2);
    draw(guard, 1000, "2026-11-22T10:15:00Z", 30);
    expect(guard.facts(at("2026-11-22T10:45:00Z")).peak).toBeCloseTo(4000, -2);
  });

  test("counts what was used in the running quarter", () => {
    const guard = new DemandGuard(TERMS, undefined);
    draw(guard, 6000, "2026-11-22T10:00:00Z", 5);
    const { usedWh, hoursLeftInWindow } = guard.facts(at("2026-11-22T10:05:00Z"));
    expect(usedWh).toBeCloseTo(500, 0);
    expect(hoursLeftInWindow).toBeCloseTo(1 / 6, 9);
  });

  test("begins anew with the month", () => {
    const guard = new DemandGuard(TERMS, undefined);
    draw(guard, 9000, "2026-11-30T23:30:00Z", 15);
    draw(guard, 100, "2026-12-01T00:00:00Z", 1);
    expect(guard.facts(at("2026-12-01T00:01:00Z")).peak).toBe(2500);
  });

  test("is not raised by a time nobody looked, nor by a clock set back", () => {
    const guard = new DemandGuard(TERMS, undefined);
    guard.observe(watts(50_000), at("2026-11-22T10:00:00Z"));
    guard.observe(watts(50_000), at("2026-11-22T10:14:00Z"));
    guard.observe(watts(50_000), at("2026-11-22T10:13:00Z"));
    expect(guard.facts(at("2026-11-22T10:14:00Z")).usedWh).toBe(0);
  });
});
