import { describe, expect, test } from "vitest";
import { RESTING, type Work } from "../../../src/ledger/work.ts";
import { Portfolio } from "../../../src/policy/price/portfolio.ts";
import {
  addRegret,
  explainOwner,
  type Regret,
  type RoundTripCosts,
  regretShare,
  startRegret,
} from "../../../src/policy/regret.ts";
import type { Candidate } from "../../../src/policy/types.ts";
import { toUsdNano, usdPerHour } from "../../../src/units/money.ts";
import { hours, type Millis, minutes, seconds } from "../../../src/units/time.ts";

const A: Work = { workload: "hashing", name: "kaspa" };
const B: Work = { workload: "hashing", name: "ravencoin" };
const one = (work: Work, net: number, holdsFor?: Millis): Candidate => ({
  ...work,
  label: work.name ?? "rest",
  net: usdPerHour(net),
  ...(holdsFor === undefined ? {} : { holdsWith: () => holdsFor }),
});
const EVEN: RoundTripCosts = () => toUsdNano(2);
/** Whoever leaves or comes back to kaspa loses a dollar of its pool's loyalty. */
const LOYAL: RoundTripCosts = (from, to) => toUsdNano(from.name === "kaspa" || to.name === "kaspa" ? 3 : 2);
const add = (state: Regret, a: number, b: number, costs = EVEN) =>
  [hours(0), hours(1)].reduce(
    (before, length) => addRegret(before, [one(A, a), one(B, b), one(RESTING, 0)], length, costs),
    state,
  );

describe("two flight sheets", () => {
  test("are two columns: half a round trip missed keeps the first, a whole one moves to the second", () => {
    expect(add(startRegret(A), 1, 2).owner).toEqual(A);
    expect(add(startRegret(A), 1, 3).owner).toEqual(B);
  });

  test("keep the owner for longer where leaving it costs more", () => {
    expect(add(startRegret(A), 1, 3.5, LOYAL).owner).toEqual(A);
    expect(add(startRegret(A), 1, 4, LOYAL).owner).toEqual(B);
  });

  describe("between which a detour over rest is cheaper on paper", () => {
    const detour: RoundTripCosts = (from, to) =>
      toUsdNano([from, to].some(({ workload }) => workload === "none") ? 0.5 : 2);
    /** Minute by minute until it moves; the states on the way, the last one after the move. */
    function untilMoved(): readonly Regret[] {
      const states = [startRegret(A)];
      for (let look = 0; look < 240 && states.at(-1)?.moved === undefined; look++)
        states.push(
          addRegret(states.at(-1) ?? startRegret(A), [one(A, 1), one(B, 3), one(RESTING, 0)], minutes(1), detour),
        );
      return states;
    }

    test("change places directly", () => {
      expect(untilMoved().at(-1)?.owner).toEqual(B);
    });

    test("show how far the switch is by what it waits for: the last look before it is a minute short of all of it", () => {
      const [last, moved] = untilMoved().slice(-2);
      // Two dollars an hour of lead, a dollar there and back over rest.
      expect(last && regretShare(last)).toBeGreaterThan(1 - 2 / 60 / 1 - 1e-9);
      expect(last && regretShare(last)).toBeLessThan(1);
      expect(moved && regretShare(moved)).toBeCloseTo(0, 9);
    });

    test("say that the way over rest is what was reached", () => {
      expect(untilMoved().at(-1)?.moved).toEqual({
        from: A,
        why: "what was missed has reached a switch's cost, by way of rest, which counts as cheaper than the direct one",
      });
    });
  });

  test("come nearer to a switch with what is missed, by the cost between those two", () => {
    expect(regretShare(add(startRegret(A), 1, 2, EVEN))).toBeCloseTo(0.5, 9);
    expect(regretShare(add(startRegret(A), 1, 2.5, LOYAL))).toBeCloseTo(0.5, 9);
  });

  test("are told apart by name in the sentence", () => {
    const state = add(startRegret(A), 1, 2);
    const candidates = [one(A, 1), one(B, 2)];
    expect(explainOwner(state, candidates)).toEqual({
      ...A,
      why: "ravencoin pays more now, but only 50 % of a switch's cost has been missed so far",
    });
  });

  test("one that is unknown keeps the GPU, and says which one it is", () => {
    const state = addRegret(startRegret(A), [one(B, 9)], hours(1), EVEN);
    expect(state.owner).toEqual(A);
    expect(explainOwner(state, [one(B, 9)]).why).toContain("what hashing kaspa is worth is not known yet");
  });

  test("one whose lead surely holds is followed at once, and one that may end at any moment is not", () => {
    const look = (holdsFor?: Millis) =>
      addRegret(startRegret(A), [one(A, 1, holdsFor), one(B, 9, holdsFor)], seconds(1), EVEN).owner;
    expect(look(hours(1))).toEqual(B);
    expect(look()).toEqual(A);
    expect(look(minutes(1))).toEqual(A);
  });
});

describe("looks second by second", () => {
  const SERVING: Work = { workload: "inference" };
  /** From one flight sheet to another a cent there and back, to inference a dollar. */
  const PAIRS: RoundTripCosts = (from, to) =>
    toUsdNano(from.workload === "hashing" && to.workload === "hashing" ? 0.01 : 1);
  const RATES = { before: [1, 0.9, 0], after: [0.9, 1, 0] } as const;
  const works = [A, B, SERVING];
  const candidatesOf = (nets: readonly number[], count: number) =>
    nets.slice(0, count).map((net, index) => one(works[index] ?? RESTING, net));

  /** Seconds from the turn of a lead of a tenth until the GPU follows it, after ten minutes of the other way round. */
  function secondsUntilFollowed(count: number): number {
    let state = startRegret(A);
    const look = (nets: readonly number[]) => {
      state = addRegret(state, candidatesOf(nets, count), seconds(1), PAIRS);
      return state.owner;
    };
    for (let second = 0; second < 600; second++) look(RATES.before);
    for (let second = 0; second < 20_000; second++) if (look(RATES.after).name === B.name) return second;
    return Number.POSITIVE_INFINITY;
  }

  /** The same of one portfolio that is kept, as a replay keeps it. */
  function secondsInReplay(): number {
    const oneWay = Float64Array.of(0, 0.005, 0.5, 0.005, 0, 0.5, 0.5, 0.5, 0);
    const portfolio = new Portfolio(0, 3, 0);
    const hour = 1 / 3600;
    let at = 0;
    const look = (rates: readonly number[]) => {
      at += hour;
      return portfolio.look({ rates: Float64Array.from(rates), oneWay, at, hours: hour, ahead: 0 });
    };
    for (let second = 0; second < 600; second++) look(RATES.before);
    for (let second = 0; second < 20_000; second++) if (look(RATES.after) === 1) return second;
    return Number.POSITIVE_INFINITY;
  }

  test("know each pair by its own cost: a third work that is dear to reach delays nobody else", () => {
    // 0.1 USD an hour of lead over 0.01 USD for there and back.
    expect(secondsInReplay()).toBeLessThan(500);
    expect(Math.abs(secondsUntilFollowed(3) - secondsInReplay())).toBeLessThanOrEqual(2);
    expect(secondsUntilFollowed(2)).toBe(secondsUntilFollowed(3));
  });

  test("take nothing as certain for the time that has passed: a price seen once after a long look is not followed", () => {
    const look = (state: Regret, a: number, b: number, length: Millis) =>
      addRegret(state, [one(A, a), one(B, b)], length, PAIRS);
    let state = startRegret(A);
    for (let second = 0; second < 600; second++) state = look(state, 1, 0.9, seconds(1));
    const spiked = look(state, 0, 1, seconds(120));
    expect(spiked.owner).toEqual(A);
    expect(look(spiked, 0, 1, seconds(120)).owner).toEqual(B);
  });

  test("let two rates that hold move the GPU, whatever a third one does", () => {
    const held = (nets: readonly number[]) =>
      candidatesOf(nets, 3).map((candidate) =>
        candidate.workload === "inference"
          ? candidate
          : { ...candidate, holdsWith: (other: Work) => hours(other.workload === "inference" ? 0 : 1) },
      );
    const state = addRegret(startRegret(A), held([1, 0.9, 0]), seconds(1), PAIRS);
    expect(addRegret(state, held([0.9, 1, 0]), seconds(1), PAIRS).owner).toEqual(B);
    expect(addRegret(state, held([0.9, 0.8, 5]), seconds(1), PAIRS).owner).toEqual(A);
  });

  test("learn a newcomer's ways at the dearest that is known", () => {
    const known = new Portfolio(0, 2, 0);
    const rates = Float64Array.of(1, 1);
    known.look({ rates, oneWay: Float64Array.of(0, 2, 3, 0), at: 1, hours: 1, ahead: 0 });
    const wider = known.over([0, undefined, 1], 0);
    expect(wider.usual).toEqual(Float64Array.of(0, 3, 2, 3, 0, 3, 3, 3, 0));
  });
});
