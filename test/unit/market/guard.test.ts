import { describe, expect, test } from "vitest";
import { GuardedPrice, medianOf, type Sighting } from "../../../src/market/guard.ts";
import { hours, minutes, type UnixMs, unixMs } from "../../../src/units/time.ts";

const START = 1_760_000_000_000;
const at = (minute: number): UnixMs => unixMs(START + minute * 60_000);
const HOUR = { maxAge: hours(1) };
const AGES = {
  one: new Map([["a", HOUR]]),
  three: new Map([
    ["a", HOUR],
    ["b", HOUR],
    ["c", HOUR],
  ]),
};

const open = (sources: keyof typeof AGES = "one") => new GuardedPrice(AGES[sources]);

/** `value` from `source` every five minutes, a day long until minute 0. */
function live(guard: GuardedPrice, source: string, value: number): void {
  for (let minute = -1440; minute <= 0; minute += 5) guard.sight(source, { value, at: at(minute) }, at(minute));
}
const say = (guard: GuardedPrice, source: string, value: number, minute: number): number | undefined => {
  guard.sight(source, { value, at: at(minute) }, at(minute));
  return guard.believed(at(minute))?.value;
};

describe("a price from one source", () => {
  test("is unknown until it was seen twice", () => {
    const guard = open();
    expect(guard.believed(at(0))).toBeUndefined();
    expect(say(guard, "a", 5, 0)).toBeUndefined();
    expect(say(guard, "a", 5, 5)).toBe(5);
  });

  test("moves at the second sighting, either way, to the one of the two that is nearer", () => {
    const guard = open();
    live(guard, "a", 10);
    expect(say(guard, "a", 12, 10)).toBe(10);
    expect(say(guard, "a", 11, 15)).toBe(11);
    expect(say(guard, "a", 12, 20)).toBe(11);
    expect(say(guard, "a", 9, 25)).toBe(11);
    expect(say(guard, "a", 8, 30)).toBe(9);
    expect(say(guard, "a", 12, 35)).toBe(9);
    // Less than a hundredth down needs nobody's word.
    expect(say(guard, "a", 8.95, 40)).toBe(8.95);
  });

  test.each([9.8, 5, 2.1, 0.01, 20, 49, 10_000])("is not moved by one answer of %d", (wrong) => {
    const guard = open();
    live(guard, "a", 10);
    expect(say(guard, "a", wrong, 5)).toBe(10);
    expect(say(guard, "a", 10, 10)).toBe(10);
    expect(guard.isMoving).toBe(false);
  });

  test.each([9.8, 5, 0.01, 20])("is known to be moving from %d until that is confirmed", (other) => {
    const guard = open();
    live(guard, "a", 10);
    expect(guard.isMoving).toBe(false);
    say(guard, "a", other, 5);
    expect(guard.isMoving).toBe(true);
    for (const minute of [10, 15]) say(guard, "a", other, minute);
    expect([guard.isMoving, guard.believed(at(15))?.value]).toEqual([false, other]);
  });

  test("is not moving for a waver of less than a hundredth", () => {
    const guard = open();
    live(guard, "a", 10);
    say(guard, "a", 10.05, 5);
    expect(guard.isMoving).toBe(false);
  });

  test("does not rise by being read again: of one moment it is one word", () => {
    const guard = open();
    live(guard, "a", 10);
    const spike = { value: 40, at: at(5) };
    for (let minute = 5; minute <= 30; minute += 5) guard.sight("a", spike, at(minute));
    expect(guard.believed(at(30))?.value).toBe(10);
    expect(say(guard, "a", 39, 35)).toBe(39);
  });

  test("does not rise because another source, itself not believed, speaks", () => {
    const guard = open("three");
    for (const source of ["a", "b"]) live(guard, source, 10);
    expect(say(guard, "a", 10, 60)).toBe(10);
    expect(say(guard, "a", 40, 65)).toBe(10);
    for (let minute = 66; minute < 75; minute++) expect(say(guard, "b", 10_000, minute)).toBe(10);
  });

  test("is never believed at a thousand-fold spike, however long it is repeated", () => {
    const guard = open();
    live(guard, "a", 10);
    for (let minute = 5; minute <= 60; minute += 5) expect(say(guard, "a", 10_000, minute)).toBe(10);
    expect(guard.believed(at(61 + 60))).toBeUndefined();
  });

  test("is not believed by repeating a spike, however short its past, not in three days", () => {
    const guard = open();
    for (const minute of [0, 5]) say(guard, "a", 10, minute);
    for (let minute = 10; minute < 4320; minute += 5) expect(say(guard, "a", 10_000, minute) ?? 10).toBe(10);
    expect(guard.disputed(at(4315))).toEqual([{ source: "a", value: 10_000, usual: 10 }]);
    expect(say(guard, "a", 11, 4320)).toBeUndefined();
    expect([say(guard, "a", 11, 4325), guard.disputed(at(4325))]).toEqual([11, []]);
  });

  test("is believed at a jump once the operator says that its past is none", () => {
    const before = open();
    live(before, "a", 10);
    const guard = new GuardedPrice(new Map([["a", { ...HOUR, historyFrom: at(1) }]]), before.memory);
    expect([say(guard, "a", 10_000, 5), say(guard, "a", 10_000, 10)]).toEqual([10, 10_000]);
    // And guarded as before from there on.
    for (let minute = 15; minute < 60; minute += 5) expect(say(guard, "a", 10_000_000, minute)).toBe(10_000);
  });

  test("collapses not by being read again, but by being said again", () => {
    const guard = open();
    live(guard, "a", 10);
    const said = { value: 0.01, at: at(5) };
    for (let minute = 5; minute <= 30; minute += 5) guard.sight("a", said, at(minute));
    expect(guard.believed(at(30))?.value).toBe(10);
    for (const saidAt of [at(35), at(40)]) guard.sight("a", { ...said, saidAt }, saidAt);
    expect(guard.believed(at(40))?.value).toBe(0.01);
  });

  test("is believed at a collapse only after three sightings", () => {
    const guard = open();
    live(guard, "a", 10);
    expect([5, 10, 15].map((minute) => say(guard, "a", 0.01, minute))).toEqual([10, 10, 0.01]);
  });

  test("is unknown once it is too old, and known again with the next sighting", () => {
    const guard = open();
    live(guard, "a", 10);
    expect(guard.believed(at(60))?.value).toBe(10);
    expect(guard.believed(unixMs(at(60) + 1))).toBeUndefined();
    expect(say(guard, "a", 9, 200)).toBeUndefined();
    expect(say(guard, "a", 9, 205)).toBe(9);
  });

  const garbage: readonly [string, number][] = [
    ["0", 0],
    ["below 0", -1],
    ["no number", Number.NaN],
    ["without end", Number.POSITIVE_INFINITY],
  ];
  test.each(garbage)("is not taken when it is %s", (_title, value) => {
    const guard = open();
    live(guard, "a", 10);
    expect(guard.sight("a", { value, at: at(5) }, at(5))).toBe(false);
    expect(guard.believed(at(5))?.value).toBe(10);
  });

  test("is not taken from a source nobody configured", () => {
    expect(open().sight("z", { value: 1, at: at(0) }, at(0))).toBe(false);
  });
});

describe("time", () => {
  test("that goes backwards in a source is refused", () => {
    const guard = open();
    live(guard, "a", 10);
    expect(guard.sight("a", { value: 1, at: at(-1) }, at(5))).toBe(false);
    expect(guard.believed(at(5))?.value).toBe(10);
  });

  test("that is still to come is refused beyond five minutes", () => {
    const guard = open();
    expect(guard.sight("a", { value: 1, at: at(6) }, at(0))).toBe(false);
    expect(guard.sight("a", { value: 1, at: at(5) }, at(0))).toBe(true);
  });

  test("that was set back by a year makes the price unknown until it is confirmed anew", () => {
    const guard = open();
    live(guard, "a", 10);
    const back = (minute: number) => unixMs(at(minute) - hours(24 * 365));
    expect(guard.believed(back(0))).toBeUndefined();
    for (const minute of [0, 5]) guard.sight("a", { value: 9, at: back(minute) }, back(minute));
    expect(guard.believed(back(5))?.value).toBe(9);
  });
});

describe("several sources", () => {
  const spikes: readonly [string, number][] = [
    ["a thousand-fold spike", 10_000],
    ["a thousandth", 0.01],
    ["double", 20],
  ];
  test.each(spikes)("are not led by one that says %s", (_title, wrong) => {
    const guard = open("three");
    for (const source of ["a", "b", "c"]) live(guard, source, 10);
    for (let minute = 5; minute <= 45; minute += 5) {
      guard.sight("b", { value: 10, at: at(minute) }, at(minute));
      guard.sight("c", { value: 10.5, at: at(minute) }, at(minute));
      expect(say(guard, "a", wrong, minute)).toBeGreaterThanOrEqual(10);
      expect(guard.believed(at(minute))?.value).toBeLessThanOrEqual(10.5);
    }
  });

  test("that agree are believed at once, without a history", () => {
    const guard = open("three");
    guard.sight("a", { value: 10, at: at(0) }, at(0));
    expect(say(guard, "b", 11, 0)).toBe(10);
    expect(guard.believed(at(0))?.sources).toBe(2);
  });

  test("that agree on a jump beyond five-fold are believed up to five-fold", () => {
    const guard = open("three");
    for (const source of ["a", "b"]) live(guard, source, 10);
    guard.sight("a", { value: 80, at: at(5) }, at(5));
    expect(say(guard, "b", 80, 5)).toBe(50);
  });

  test("are not moved within a quarter by one of two alone, nor by the other one speaking", () => {
    const guard = open("three");
    for (const source of ["a", "b"]) live(guard, source, 10);
    expect(say(guard, "a", 8, 5)).toBe(10);
    expect(say(guard, "b", 10, 6)).toBe(10);
    expect(say(guard, "b", 10, 7)).toBe(10);
    expect(say(guard, "b", 8.1, 8)).toBe(8);
  });

  test("that no longer speak do not stand behind a price for as long as another one would", () => {
    const guard = new GuardedPrice(
      new Map([
        ["a", HOUR],
        ["b", { maxAge: hours(24) }],
      ]),
    );
    live(guard, "a", 10);
    expect([guard.believed(at(60))?.value, guard.maxAge]).toEqual([10, hours(1)]);
    expect(guard.believed(at(61))).toBeUndefined();
    const again = new GuardedPrice(
      new Map([
        ["a", HOUR],
        ["b", { maxAge: hours(24) }],
      ]),
      guard.memory,
    );
    expect([again.believed(at(60))?.value, again.believed(at(61))]).toEqual([10, undefined]);
    for (const minute of [70, 75]) guard.sight("b", { value: 10, at: at(minute) }, at(minute));
    expect(guard.believed(at(24 * 60))?.value).toBe(10);
  });

  test("stand behind a price as long as the last of them does", () => {
    const guard = new GuardedPrice(
      new Map([
        ["a", HOUR],
        ["b", { maxAge: hours(24) }],
      ]),
    );
    for (const source of ["a", "b"]) live(guard, source, 10);
    expect([guard.believed(at(61))?.value, guard.believed(at(24 * 60 + 1))]).toEqual([10, undefined]);
  });

  test("do not wait for one that has fallen silent", () => {
    const guard = open("three");
    for (const source of ["a", "b", "c"]) live(guard, source, 10);
    expect([90, 95].map((minute) => say(guard, "b", 7, minute))).toEqual([undefined, 7]);
    expect(guard.believed(at(95))?.sources).toBe(1);
  });

  test("make a newcomer that contradicts them wait", () => {
    const guard = open("three");
    live(guard, "a", 10);
    expect(say(guard, "b", 0.001, 1)).toBe(10);
  });
});

describe("the memory", () => {
  test("carries belief and history over a restart", () => {
    const guard = open();
    live(guard, "a", 10);
    const again = new GuardedPrice(AGES.one, guard.memory);
    expect(again.believed(at(0))?.value).toBe(10);
    expect(say(again, "a", 10_000, 5)).toBe(10);
    expect(say(again, "a", 10_000, 10)).toBe(10);
  });

  test("holds a day at one sighting per five minutes", () => {
    const guard = open();
    for (let minute = -4000; minute <= 0; minute++) guard.sight("a", { value: 10, at: at(minute) }, at(minute));
    const history: readonly Sighting[] = guard.memory.histories.a ?? [];
    expect(history.length).toBe(289);
    expect((history.at(-1)?.at ?? 0) - (history[0]?.at ?? 0)).toBe(hours(24));
    expect(minutes(5)).toBe((history[1]?.at ?? 0) - (history[0]?.at ?? 0));
  });
});

test("the median is the middle one, and the lower of two", () => {
  expect(medianOf([])).toBeUndefined();
  expect(medianOf([3])).toBe(3);
  expect(medianOf([3, 1])).toBe(1);
  expect(medianOf([9, 1, 3])).toBe(3);
  expect(medianOf([9, 1, 3, 5])).toBe(3);
});
