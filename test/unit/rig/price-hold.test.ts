import { describe, expect, test } from "vitest";
import { INFERENCE, RESTING, type Work } from "../../../src/ledger/work.ts";
import { PriceHold } from "../../../src/rig/price-hold.ts";
import { usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { hours, millis, minutes, seconds, type UnixMs, unixMs } from "../../../src/units/time.ts";
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

const other = { name: "b", label: "b" } as const;
const A: Work = { workload: "hashing", name: "a" };
const B: Work = { workload: "hashing", name: "b" };
const rest = (until?: UnixMs): Valuation => ({
  workload: "none",
  label: "rest",
  net: usdPerHour(0),
  rate: "",
  why: "",
  ...(until === undefined ? {} : { until }),
});
const serving = (revenue: number, until?: UnixMs): Valuation => ({
  ...rest(until),
  workload: "inference",
  label: "tiny",
  revenue: usdPerHour(revenue),
});

/** Looks once a minute at two prices of which one changes every `step` minutes; returns what the last look says of both. */
function watched(
  hold: PriceHold,
  minute: number,
  step: number,
  changes: (minute: number) => readonly [Partial<Valuation>, ...(readonly Valuation[])] = () => [{}],
) {
  let last = millis(0);
  for (let one = 0; one <= minute; one++) {
    const [own, ...more] = changes(one);
    const both = [coin(Math.floor(one / step), own), coin(2, other), ...more];
    last = hold.look(both, minutes(one), at(minutes(one)))(A, B);
  }
  return last;
}

describe("for how long the difference of two works stands", () => {
  test("is nothing while nobody promises and nothing was learned", () => {
    expect(new PriceHold().look([coin(1), coin(2, other)], millis(0), at(0))(A, B)).toBe(0);
    expect(new PriceHold().look([], millis(0), at(0))(A, B)).toBe(0);
  });

  test("is what the shorter promise leaves, either way round, and nothing once it has passed", () => {
    const hold = new PriceHold();
    const both = [coin(1, { until: at(hours(1)) }), coin(2, { ...other, until: at(minutes(20)) })];
    expect(hold.look(both, millis(0), at(0))(A, B)).toBe(minutes(20));
    expect(hold.look(both, minutes(5), at(minutes(5)))(B, A)).toBe(minutes(15));
    expect(hold.look(both, minutes(30), at(minutes(30)))(A, B)).toBe(0);
  });

  test("is nothing where one of the two promises nothing", () => {
    expect(new PriceHold().look([coin(1, { until: at(hours(1)) }), coin(2, other)], millis(0), at(0))(A, B)).toBe(0);
  });

  test("is theirs alone: on a rig that serves, published prices still count", () => {
    const both = [coin(1, { until: at(hours(1)) }), coin(2, { ...other, until: at(hours(1)) })];
    const holds = new PriceHold().look([...both, serving(3), rest(at(minutes(40)))], millis(0), at(0));
    expect(holds(A, B)).toBe(hours(1));
    expect(holds(A, RESTING)).toBe(minutes(40));
    expect(holds(A, INFERENCE)).toBe(0);
  });

  test("is learned apart from what others do: demand that changes every minute shortens no coin's price", () => {
    expect(watched(new PriceHold(), 180, 60, (minute) => [{}, serving(minute)])).toBe(hours(1));
  });

  test("is learned from prices that change by the hour", () => {
    expect(watched(new PriceHold(), 180, 60)).toBe(hours(1));
    expect(watched(new PriceHold(), 200, 60)).toBe(minutes(40));
  });

  test("is learned of prices alone: a hashrate that wavers moves the net, and is no price", () => {
    expect(watched(new PriceHold(), 180, 60, (minute) => [{ net: usdPerHour(1 + (minute % 7) / 100) }])).toBe(hours(1));
  });

  test("is not shortened by work that comes or goes, but learned anew of what comes", () => {
    const hold = new PriceHold();
    expect(watched(hold, 180, 60)).toBe(hours(1));
    const holds = hold.look([coin(3), coin(2, other), rest()], minutes(181), at(minutes(181)));
    expect(holds(A, B)).toBe(minutes(59));
    expect(holds(A, RESTING)).toBe(0);
  });

  test("counts demand for inference as a price: it is worth something until the next request", () => {
    const hold = new PriceHold();
    let last = millis(0);
    for (let second = 0; second <= 40; second++)
      last = hold.look([serving(second), rest()], seconds(second), at(0))(INFERENCE, RESTING);
    expect(last).toBe(seconds(1));
  });

  test("leaves out work whose net nobody knows", () => {
    const { net: _, ...unknown } = coin(1, { ...other, until: at(hours(1)) });
    expect(new PriceHold().look([coin(1, { until: at(hours(1)) }), unknown], millis(0), at(0))(A, B)).toBe(0);
  });

  test("is nothing while a price moves that nobody has confirmed, whatever was promised or learned", () => {
    const hold = new PriceHold();
    expect(watched(hold, 180, 60)).toBe(hours(1));
    const now = at(minutes(181));
    const until = at(hours(5));
    const moving = [coin(3, { until, isMoving: true }), coin(2, { ...other, until }), rest(until)];
    const holds = hold.look(moving, minutes(181), now);
    expect([holds(A, B), holds(A, RESTING), holds(B, RESTING)]).toEqual([0, 0, hours(5) - minutes(181)]);
  });
});
