import { describe, expect, test } from "vitest";
import { GuardedPrice } from "../../../src/market/guard.ts";
import { hours, type UnixMs, unixMs } from "../../../src/units/time.ts";

const START = 1_760_000_000_000;
const at = (minute: number): UnixMs => unixMs(START + minute * 60_000);

/** Two sources of one price, each with a past of a day at its own level until minute 0. */
function pair(levels: Readonly<Record<string, number>>): GuardedPrice {
  const guard = new GuardedPrice(
    new Map([
      ["a", { maxAge: hours(1) }],
      ["b", { maxAge: hours(1) }],
    ]),
  );
  for (let minute = -1440; minute <= 0; minute += 5)
    for (const [source, value] of Object.entries(levels)) guard.sight(source, { value, at: at(minute) }, at(minute));
  return guard;
}

/** What is believed at each of `minutes`, when both say what they say every five minutes. */
function follow(guard: GuardedPrice, said: Readonly<Record<string, (minute: number) => number>>, until: number) {
  const believed: (number | undefined)[] = [];
  for (let minute = 5; minute <= until; minute += 5) {
    for (const [source, value] of Object.entries(said))
      guard.sight(source, { value: value(minute), at: at(minute) }, at(minute));
    believed.push(guard.believed(at(minute))?.value);
  }
  return believed;
}

describe("of two sources", () => {
  const bad: readonly [string, number][] = [
    ["0", 0],
    ["a price below 0", -10],
    ["no number", Number.NaN],
    ["a number without end", Number.POSITIVE_INFINITY],
    ["a thousand-fold spike", 10_000],
    ["a thousandth", 0.01],
    ["the double", 20],
    ["the half", 5],
    ["a third less", 6.6],
  ];
  test.each(bad)("one that says %s for most of an hour changes nothing", (_title, wrong) => {
    const guard = pair({ a: 10, b: 10 });
    const believed = follow(guard, { a: () => wrong, b: () => 10 }, 55);
    expect(new Set(believed)).toEqual(new Set([10]));
  });

  test.each(bad)("one that says %s now and then never decides, whichever speaks first", (_title, wrong) => {
    const guard = pair({ a: 10, b: 10 });
    const now = (minute: number) => (minute % 20 === 0 ? wrong : 10);
    const believed = [...follow(guard, { b: () => 10, a: now }, 1440)];
    expect(new Set(believed)).toEqual(new Set([10]));
  });

  test("one that falls alone is believed after an hour of insisting, because the other one may be the frozen one", () => {
    const guard = pair({ a: 10, b: 10 });
    const believed = follow(guard, { a: () => 5, b: () => 10 }, 90);
    expect(believed.indexOf(5)).toBe(13);
    expect(new Set(believed.slice(13))).toEqual(new Set([5]));
  });

  test("one that changes its story begins its hour anew", () => {
    const guard = pair({ a: 10, b: 10 });
    const believed = follow(guard, { a: (minute) => (minute < 50 ? 5 : 2.5), b: () => 10 }, 105);
    expect(new Set(believed)).toEqual(new Set([10]));
  });

  test("only one is said to be believed while the other is doubted", () => {
    const guard = pair({ a: 10, b: 10 });
    follow(guard, { a: () => 5, b: () => 10 }, 10);
    expect(guard.believed(at(10))?.sources).toBe(1);
    follow(guard, { a: () => 10, b: () => 10 }, 20);
    expect(guard.believed(at(20))?.sources).toBe(2);
  });

  test("both that fall are believed at once, and a small fall of one once it said so twice", () => {
    expect(follow(pair({ a: 10, b: 10 }), { a: () => 5, b: () => 5 }, 5)).toEqual([5]);
    expect(follow(pair({ a: 10, b: 10 }), { a: () => 9, b: () => 10 }, 10)).toEqual([10, 9]);
  });

  test("the lower level counts where each keeps to its own", () => {
    const guard = pair({ a: 10, b: 17 });
    expect(new Set(follow(guard, { a: () => 10, b: () => 17 }, 60))).toEqual(new Set([10]));
    expect(new Set(follow(pair({ a: 10, b: 17 }), { a: () => 9, b: () => 15 }, 60).slice(1))).toEqual(new Set([9]));
  });

  test("a newcomer at another level has to wait for an hour, one that agrees does not", () => {
    const level = pair({ a: 10 });
    expect(follow(level, { a: () => 10, b: () => 4 }, 55).filter((value) => value !== 10)).toEqual([]);
    expect(follow(pair({ a: 10 }), { a: () => 10, b: () => 8 }, 10)).toEqual([10, 8]);
  });

  test("one whose clock goes backwards does not decide", () => {
    const guard = pair({ a: 10, b: 10 });
    for (let minute = 5; minute <= 120; minute += 5) {
      guard.sight("a", { value: 5, at: at(-minute) }, at(minute));
      guard.sight("b", { value: 10, at: at(minute) }, at(minute));
      expect(guard.believed(at(minute))?.value).toBe(10);
    }
  });

  test("the one that is left counts alone once the other is too old", () => {
    const guard = pair({ a: 10, b: 10 });
    const believed = follow(guard, { a: () => 6 }, 75);
    expect(believed.slice(0, 11)).toEqual(Array.from({ length: 11 }, () => 10));
    expect(believed.at(-1)).toBe(6);
  });
});
