import { expect, test } from "vitest";
import { QuoteHold } from "../../../../src/policy/price/quote-hold.ts";

/** What a feed of one rate that is polled every minute and changes every `spell` minutes is held to promise. */
function promises(spell: number, polls: number): readonly number[] {
  const hold = new QuoteHold();
  return Array.from({ length: polls }, (_, minute) =>
    hold.look(Float64Array.of(Math.floor(minute / spell)), minute * 60, 60),
  );
}

test("a feed that changes every hour holds for the rest of the hour, once three hours were seen", () => {
  const learned = promises(60, 300);
  expect(learned.slice(0, 180)).toEqual(Array(180).fill(60));
  expect(learned[180]).toBe(3600);
  expect(learned[210]).toBe(1800);
  expect(learned[239]).toBe(60);
});

test("a feed that changes with every poll promises no more than its poll", () => {
  expect(new Set(promises(1, 100))).toEqual(new Set([60]));
});

test("one short spell is remembered for six", () => {
  const hold = new QuoteHold();
  const changes = [0, 3600, 7200, 7260, 10_800, 14_400, 18_000, 21_600, 25_200, 28_800];
  const held = changes.map((now, value) => hold.look(Float64Array.of(value), now, 60));
  expect(held[4]).toBe(60);
  expect(held[8]).toBe(60);
  expect(held[9]).toBe(3540);
});
