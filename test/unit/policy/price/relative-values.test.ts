import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PaperLook } from "../../../../src/policy/price/paper-rule.ts";
import { RelativeValues, type Scope } from "../../../../src/policy/price/relative-values.ts";

const ANY: Scope = { byLeader: false, edges: [], memory: 200 };
const BY_LEADER: Scope = { byLeader: true, edges: [0.5, 1, 2], memory: 200 };
const HOUR = 1;

/** A dollar each way, and rates that surely hold for an hour. */
function lookAt(nets: readonly number[], way = 1, ahead = HOUR): PaperLook {
  const count = nets.length;
  const oneWay = Float64Array.from({ length: count * count }, (_, pair) => (pair % (count + 1) === 0 ? 0 : way));
  return { rates: Float64Array.from(nets), oneWay, halfUsual: oneWay, ahead };
}

/** The owner in each hour. */
const follow = (rule: RelativeValues, hours: readonly (readonly number[])[]): readonly number[] =>
  hours.map((nets) => {
    const look = lookAt(nets);
    rule.move(look, true);
    rule.account(look, look.rates, HOUR);
    return rule.owner;
  });

/** The same numbers in [0, 1) in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** What both earn more in every other hour, so that no hour is like the one before. */
const tide = (hour: number): number => 0.1 * (hour % 2);

/** A dollar an hour surely, or `spike` in that part of the hours and else nothing, drawn anew every hour. */
function stray(spike: number, count: number, part = 0.3): readonly (readonly number[])[] {
  const draw = numbers(7);
  return Array.from({ length: count }, (_, hour) => [1 + tide(hour), (draw() < part ? spike : 0) + tide(hour)]);
}

/** Two works that take turns in a lead of half a dollar an hour, `length` hours each. */
const turns = (length: number, count: number): readonly (readonly number[])[] =>
  Array.from({ length: count }, (_, hour) => {
    const [low, high] = [1 + tide(hour), 1.5 + tide(hour)];
    return Math.floor(hour / length) % 2 === 0 ? [high, low] : [low, high];
  });

const LEARNED = 400;
const learned = (rule: RelativeValues, hours: readonly (readonly number[])[]) =>
  follow(rule, hours)
    .map((owner, hour) => ({ owner, nets: hours[hour] ?? [] }))
    .slice(LEARNED);

describe("rates that are drawn anew every hour", () => {
  // By hand: having the straying work is worth 0.40 less than the sure one when an hour ends, so that it pays to go
  // for a lead of 3 (3 - 0.40 - 1 > 0), and to come back in the first hour without.
  test("are followed up and back where the lead of the hour pays for both ways", () => {
    for (const { owner, nets } of learned(new RelativeValues(ANY, 0, 2), stray(4, 1000)))
      expect(owner).toBe((nets[1] ?? 0) >= 4 ? 1 : 0);
  });

  // By hand: 0.49 less, and 1.2 - 0.49 - 1 < 0, though the lead of the hour pays the way there.
  test("are let go by where it pays for one way alone", () => {
    expect(learned(new RelativeValues(ANY, 0, 2), stray(2.2, 1000)).map(({ owner }) => owner)).not.toContain(1);
  });

  // By hand: with four hours of five at 4, having it is worth 0.75 more, so that an hour without is waited out.
  test("leave the GPU where the next hour is likely to pay again", () => {
    const owners = learned(new RelativeValues(ANY, 0, 2), stray(4, 1000, 0.8)).map(({ owner }) => owner);
    expect(owners.filter((owner) => owner === 1).length).toBe(owners.length);
  });
});

describe("a lead that tells of the next hours", () => {
  test("is followed at once though its own hour does not pay the way", () => {
    const hours = turns(20, 1000);
    const late = learned(new RelativeValues(BY_LEADER, 0, 2), hours).filter(
      ({ owner, nets }) => (nets[owner] ?? 0) < Math.max(...nets),
    );
    expect(late).toEqual([]);
  });

  test("is not followed where it is over as soon as the way is paid", () => {
    const owners = learned(new RelativeValues(BY_LEADER, 0, 2), turns(1, 1000)).map(({ owner }) => owner);
    expect(new Set(owners).size).toBe(1);
  });

  test("is seen by nobody who takes all hours for one", () => {
    const wrong = learned(new RelativeValues({ ...ANY, memory: 1e6 }, 0, 2), turns(20, 1000)).filter(
      ({ owner, nets }) => (nets[owner] ?? 0) < Math.max(...nets),
    );
    expect(wrong.length).toBeGreaterThan(100);
  });
});

describe("a spell", () => {
  test("goes on while rates only waver, so that looking often teaches the same as looking once", () => {
    const often = new RelativeValues(ANY, 0, 2);
    const once = new RelativeValues(ANY, 0, 2);
    const hours = stray(4, 300);
    follow(once, hours);
    for (const [index, nets] of hours.entries())
      for (let part = 0; part < 10; part++) {
        // Its own figure moves by a thousandth; whichever hour it is, the next one differs by more.
        const look = lookAt(nets.map((net) => net * (1 + 0.001 * (part % 2) + 1e-9 * index)));
        often.move(look, true);
        often.account(look, look.rates, HOUR / 10);
      }
    const next = lookAt([1, 4]);
    expect(often.nearnessOf(1, next).share).toBeCloseTo(once.nearnessOf(1, next).share, 1);
  });

  test("of no length teaches nothing", () => {
    const rule = new RelativeValues(ANY, 0, 2);
    for (const nets of stray(4, 50)) rule.move(lookAt(nets), false);
    expect(rule.nearnessOf(1, lookAt([1, 1])).share).toBeCloseTo(0.5, 12);
  });
});

describe("the owner", () => {
  const net = fc.integer({ min: -6, max: 6 });
  const traces = fc.array(fc.tuple(net, net, net), { minLength: 1, maxLength: 60 });

  test("stays while it may not move", () => {
    const rule = new RelativeValues(ANY, 0, 2);
    rule.move(lookAt([0, 99]), false);
    expect(rule.owner).toBe(0);
    expect(rule.tippingOf()).toBe("usual");
    rule.move(lookAt([0, 99]), true);
    expect(rule.owner).toBe(1);
  });

  test.each([ANY, BY_LEADER])("is left for nothing that is less near than the whole way", (scope) => {
    fc.assert(
      fc.property(traces, (hours) => {
        const rule = new RelativeValues(scope, 0, 3);
        follow(rule, hours);
        const look = lookAt(hours.at(-1) ?? []);
        for (const column of [0, 1, 2])
          if (column !== rule.owner) expect(rule.nearnessOf(column, look).share).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  test.each([ANY, BY_LEADER])("is never worth more than the way there beyond another, whatever was seen", (scope) => {
    fc.assert(
      fc.property(traces, (hours) => {
        const rule = new RelativeValues(scope, 0, 3);
        follow(rule, hours);
        // Nothing is certain: only what usually follows counts.
        const look = lookAt(hours.at(-1) ?? [], 1, 0);
        for (const column of [0, 1, 2]) {
          if (column === rule.owner) continue;
          const { share } = rule.nearnessOf(column, look);
          expect(share).toBeGreaterThanOrEqual(-1e-9);
          expect(share).toBeLessThanOrEqual(1 + 1e-9);
        }
      }),
    );
  });
});

describe("a copy over other columns", () => {
  test("goes on as the first would, and leaves it as it was", () => {
    const rule = new RelativeValues(BY_LEADER, 0, 2);
    follow(rule, stray(4, 200));
    const copy = rule.over([0, 1], 0);
    const share = rule.nearnessOf(1, lookAt([1, 4])).share;
    expect(follow(copy, stray(4, 50))).toEqual(follow(rule.over([0, 1], 0), stray(4, 50)));
    expect(rule.nearnessOf(1, lookAt([1, 4])).share).toBe(share);
  });

  test("knows each work by its own column, and a newcomer is worth no more than the least", () => {
    const rule = new RelativeValues(ANY, 0, 2);
    follow(rule, stray(4, 400));
    const [nets, next] = [lookAt([1, 1]), lookAt([1, 1, 1])];
    rule.move(nets, false);
    const wider = rule.over([1, undefined, 0], 2);
    expect(wider.owner).toBe(2);
    wider.move(next, false);
    expect(wider.nearnessOf(0, next).share).toBeCloseTo(rule.nearnessOf(1, nets).share, 12);
    expect(wider.nearnessOf(1, next).share).toBeLessThanOrEqual(wider.nearnessOf(0, next).share);
  });

  test("hands what a work that is gone had to the given owner", () => {
    const rule = new RelativeValues(BY_LEADER, 1, 2);
    expect(rule.over([0], 0).owner).toBe(0);
  });

  test("has nothing learned of what follows upon a newcomer's lead", () => {
    const rule = new RelativeValues(BY_LEADER, 0, 2);
    follow(rule, turns(20, 400));
    const wider = rule.over([0, 1, undefined], 0);
    const look = lookAt([1, 1, 1.2], 1, 0);
    wider.move(look, false);
    expect(wider.nearnessOf(2, look).share).toBeCloseTo(0.5, 12);
  });
});
