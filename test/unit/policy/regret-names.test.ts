import { describe, expect, test } from "vitest";
import { RESTING, type Work } from "../../../src/ledger/work.ts";
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
  ...(holdsFor === undefined ? {} : { holdsFor }),
});
const EVEN: RoundTripCosts = () => toUsdNano(2);
/** Whoever leaves or comes back to kaspa loses a dollar of its pool's loyalty. */
const LOYAL: RoundTripCosts = (from, to) => toUsdNano(from.name === "kaspa" || to.name === "kaspa" ? 3 : 2);
const add = (state: Regret, a: number, b: number, costs = EVEN) =>
  addRegret(state, [one(A, a), one(B, b), one(RESTING, 0)], hours(1), costs);

describe("two flight sheets", () => {
  test("are two columns: half a round trip missed keeps the first, a whole one moves to the second", () => {
    expect(add(startRegret(A), 1, 2).owner).toEqual(A);
    expect(add(startRegret(A), 1, 3).owner).toEqual(B);
  });

  test("keep the owner for longer where leaving it costs more", () => {
    expect(add(startRegret(A), 1, 3.5, LOYAL).owner).toEqual(A);
    expect(add(startRegret(A), 1, 4, LOYAL).owner).toEqual(B);
  });

  test("come nearer to a switch with what is missed, by the cost between those two", () => {
    expect(regretShare(add(startRegret(A), 1, 2, EVEN), EVEN)).toBeCloseTo(0.5, 9);
    expect(regretShare(add(startRegret(A), 1, 2.5, LOYAL), LOYAL)).toBeCloseTo(0.5, 9);
  });

  test("are told apart by name in the sentence", () => {
    const state = add(startRegret(A), 1, 2);
    const candidates = [one(A, 1), one(B, 2)];
    expect(explainOwner(state, candidates, EVEN)).toEqual({
      ...A,
      why: "ravencoin pays more now, but only 50 % of a switch's cost has been missed so far",
    });
  });

  test("one that is unknown keeps the GPU, and says which one it is", () => {
    const state = addRegret(startRegret(A), [one(B, 9)], hours(1), EVEN);
    expect(state.owner).toEqual(A);
    expect(explainOwner(state, [one(B, 9)], EVEN).why).toContain("what hashing kaspa is worth is not known yet");
  });

  test("one whose lead surely holds is followed at once, and one that may end at any moment is not", () => {
    const look = (holdsFor?: Millis) =>
      addRegret(startRegret(A), [one(A, 1, holdsFor), one(B, 9, holdsFor)], seconds(1), EVEN).owner;
    expect(look(hours(1))).toEqual(B);
    expect(look()).toEqual(A);
    expect(look(minutes(1))).toEqual(A);
  });
});
