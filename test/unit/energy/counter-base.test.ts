import { beforeEach, describe, expect, test } from "vitest";
import { type CounterBase, createCounterBase } from "../../../src/energy/counter-base.ts";
import { gpuReading } from "../../support/gpu-readings.ts";

/** At 100 W: a second is 100 J. */
const at = (second: number, energy: number, epoch = "boot-1") =>
  gpuReading(second * 1000, { energy, power: 100 }, { epoch });
const first = at(0, 5_000_000);

let base: CounterBase;
beforeEach(() => {
  base = createCounterBase();
  base.set(first);
});

describe("looking at a counter", () => {
  test("that goes on makes it the base", () => {
    const next = at(1, 5_100_000);
    expect(base.look(next)).toEqual({ kind: "goes-on", from: first });
    expect(base.reading).toBe(next);
  });

  test.each([
    ["fell", at(1, 10)],
    ["ran away", at(1, 9e12)],
    ["has a new name and content", at(1, 10, "boot-2")],
  ])("that %s keeps the base and the value aside", (_what, odd) => {
    expect(base.look(odd)).toEqual({ kind: "undecided", since: 1000 });
    expect(base.reading).toBe(first);
    expect(base.look(at(2, 5_200_000))).toEqual({ kind: "goes-on", from: first });
  });

  test("that two in a row agree on begins anew from the first of them", () => {
    const new1 = at(1, 10);
    const new2 = at(2, 100_010);
    base.look(new1);
    expect(base.look(new2)).toEqual({ kind: "began-anew", from: first, at: new1 });
    expect(base.reading).toBe(new2);
  });

  test("that says something else every time stays undecided since the first of it", () => {
    base.look(at(1, 10));
    base.look(at(2, 9e12));
    expect(base.look(at(3, 20))).toEqual({ kind: "undecided", since: 1000 });
  });

  test("forgets the value aside when told: the next stands alone again", () => {
    base.look(at(1, 10));
    base.doubtNothing();
    expect(base.look(at(2, 100_010))).toEqual({ kind: "undecided", since: 2000 });
  });
});

describe("meeting a counter again", () => {
  beforeEach(() => base.set(undefined));

  test("takes two in a row that agree", () => {
    expect(base.meet(at(1, 7_000_000))).toBe(false);
    expect(base.reading).toBeUndefined();
    const second = at(2, 7_100_000);
    expect(base.meet(second)).toBe(true);
    expect(base.reading).toBe(second);
  });

  test("begins again after one that disagrees, and after one without", () => {
    base.meet(at(1, 7_000_000));
    expect(base.meet(at(2, 3))).toBe(false);
    expect(base.meet(gpuReading(3000, { power: 100 }))).toBe(false);
    expect(base.meet(at(4, 200_003))).toBe(false);
    expect(base.meet(at(5, 300_003))).toBe(true);
  });
});
