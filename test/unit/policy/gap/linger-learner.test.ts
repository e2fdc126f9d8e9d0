import { describe, expect, test } from "vitest";
import { LingerLearner } from "../../../../src/policy/gap/linger-learner.ts";

const terms = { wake: 3, back: 3 };

/** A learner that has seen requests of one second, with these gaps between them. */
function taught(...gaps: readonly number[]): LingerLearner {
  const learner = new LingerLearner();
  let at = 0;
  learner.served(at, 1);
  for (const gap of gaps) {
    at += 1 + gap;
    learner.served(at, 1);
  }
  return learner;
}
const times = (count: number, gap: number): readonly number[] => Array(count).fill(gap);

describe("the linger", () => {
  test("is one round trip while nothing is known", () => {
    expect(new LingerLearner().linger(terms)).toBe(6);
    expect(taught(300).linger(terms)).toBe(6);
  });
  test("is nothing where gaps are long", () => {
    expect(taught(...times(20, 300)).linger(terms)).toBe(0);
  });
  test("outlasts gaps that are much shorter than a round trip", () => {
    expect(taught(...times(60, 1)).linger(terms)).toBeGreaterThanOrEqual(1);
  });
  test("covers the short gaps of bursts and leaves the long ones between them", () => {
    const bursts = Array.from({ length: 12 }, () => [...times(8, 1.4), 300]).flat();
    expect(taught(...bursts).linger(terms)).toBe(1.5);
  });
  test("is longer where leaving wears the rig", () => {
    const gaps = taught(...times(60, 40));
    expect(gaps.linger(terms)).toBe(0);
    expect(gaps.linger({ ...terms, wear: 60 })).toBeGreaterThanOrEqual(40);
  });
  test("forgets what was two hundred requests ago", () => {
    const day = taught(...times(200, 4), ...times(200, 600));
    expect(day.linger(terms)).toBe(0);
  });
});
