import { describe, expect, test } from "vitest";
import { PriceHold } from "../../../src/rig/price-hold.ts";
import { usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { hours, millis, minutes, seconds, unixMs } from "../../../src/units/time.ts";
import type { Valuation } from "../../../src/valuation/valuation.ts";
import { T0 } from "../../support/ledger-rows.ts";

const coin = (value: number, changes: Partial<Valuation> = {}): Valuation => ({
  workload: "hashing",
  name: "a",
  label: "a",
  net: usdPerHour(value),
  price: { unit: "USD/TH", value },
  powerPrice: usdPerKwh(0.15),
  rate: "",
  why: "",
  ...changes,
});
const at = (ms: number) => unixMs(T0 + ms);

/** Looks once a minute at a price that changes every `step` minutes; returns what the last look says. */
function watched(
  hold: PriceHold,
  minute: number,
  step: number,
  changes: (minute: number) => Partial<Valuation> = () => ({}),
) {
  let last = millis(0);
  for (let one = 0; one <= minute; one++)
    last = hold.look([coin(Math.floor(one / step), changes(one))], minutes(one), at(minutes(one)));
  return last;
}

describe("for how long prices stand", () => {
  test("is nothing while nobody promises and nothing was learned", () => {
    expect(new PriceHold().look([coin(1)], millis(0), at(0))).toBe(0);
    expect(new PriceHold().look([], millis(0), at(0))).toBe(0);
  });

  test("is what the shortest promise leaves, and nothing once it has passed", () => {
    const hold = new PriceHold();
    const both = [coin(1, { until: at(hours(1)) }), coin(2, { name: "b", until: at(minutes(20)) })];
    expect(hold.look(both, millis(0), at(0))).toBe(minutes(20));
    expect(hold.look(both, minutes(5), at(minutes(5)))).toBe(minutes(15));
    expect(hold.look(both, minutes(30), at(minutes(30)))).toBe(0);
  });

  test("is nothing where one of the works promises nothing", () => {
    expect(new PriceHold().look([coin(1, { until: at(hours(1)) }), coin(2, { name: "b" })], millis(0), at(0))).toBe(0);
  });

  test("is learned from prices that change by the hour", () => {
    expect(watched(new PriceHold(), 180, 60)).toBe(hours(1));
    expect(watched(new PriceHold(), 200, 60)).toBe(minutes(40));
  });

  test("is learned of prices alone: a hashrate that wavers moves the net, and is no price", () => {
    expect(watched(new PriceHold(), 180, 60, (minute) => ({ net: usdPerHour(1 + (minute % 7) / 100) }))).toBe(hours(1));
  });

  test("is not shortened by work that comes or goes, but learned anew", () => {
    const hold = new PriceHold();
    expect(watched(hold, 180, 60)).toBe(hours(1));
    const none: Valuation = { workload: "none", label: "rest", net: usdPerHour(0), rate: "", why: "" };
    expect(hold.look([coin(3), none], minutes(181), at(minutes(181)))).toBe(0);
  });

  test("counts demand for inference as a price: it is worth something until the next request", () => {
    const hold = new PriceHold();
    let last = millis(0);
    for (let second = 0; second <= 40; second++)
      last = hold.look([coin(second, { workload: "inference", revenue: usdPerHour(second) })], seconds(second), at(0));
    expect(last).toBe(seconds(1));
  });

  test("leaves out work whose net nobody knows", () => {
    const { net: _, ...unknown } = coin(1, { name: "b" });
    expect(new PriceHold().look([coin(1, { until: at(hours(1)) }), unknown], millis(0), at(0))).toBe(hours(1));
  });

  test("is nothing while a price moves that nobody has confirmed, whatever was promised or learned", () => {
    const hold = new PriceHold();
    expect(watched(hold, 180, 60)).toBe(hours(1));
    const now = minutes(181);
    expect(hold.look([coin(3, { until: at(hours(5)), isMoving: true })], now, at(now))).toBe(0);
    expect(hold.look([coin(3, { until: at(hours(5)) })], now, at(now))).toBe(hours(5) - now);
  });
});
