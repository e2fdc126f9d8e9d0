import { expect, test } from "vitest";
import { z } from "zod";
import { objectionOf, sayGot, sayWanted, valueAt } from "../../../src/lib/wanted.ts";

const got: readonly (readonly [unknown, string])[] = [
  [undefined, "nothing"],
  [null, "null"],
  [[], "an empty list"],
  [[1, 2], "a list of 2"],
  [{}, "an object"],
  [7, "7"],
  [false, "false"],
  ["hello", '"hello"'],
  ["\u001b[31mred\n", '"?[31mred?"'],
  ["x".repeat(100), `"${"x".repeat(40)}…"`],
];
test.each(got)("%j reads %s", (value, words) => expect(sayGot(value)).toBe(words));

test("a place is looked up among own fields only", () => {
  expect(valueAt({ a: [{ b: 1 }] }, ["a", 0, "b"])).toBe(1);
  expect(valueAt({}, ["constructor", "name"])).toBeUndefined();
  expect(valueAt(undefined, ["a"])).toBeUndefined();
});

const schema = z.strictObject({ items: z.array(z.int("a whole number"), "a list of numbers") }, "an object");
test("a schema without words of its own still says what it wants", () => {
  const value = { at: "noon" };
  const { error } = z.object({ at: z.int() }).safeParse(value);
  expect(error && objectionOf(error, value)).toEqual({ path: "at", message: 'wanted number, got "noon"' });
});

test.each([
  [z.number().nonnegative(), -1, "a number of at least 0"],
  [z.number().positive(), 0, "a number of more than 0"],
  [z.number().max(5), 6, "a number of at most 5"],
  [z.number().lt(5), 5, "a number of less than 5"],
  [z.string().min(1), "", "a text of at least 1 character"],
  [z.string().max(2), "abc", "a text of at most 2 characters"],
  [z.array(z.number()).max(1), [1, 2], "a list of at most 1"],
  [z.iso.datetime(), "today", 'a time such as "2026-11-22T10:00:00Z"'],
  [z.number("what we say").min(0, "what we say"), -1, "what we say"],
  [z.number(), "x", "number"],
] as const)("a bound reads as people say it: %#", (bounded, value, wanted) => {
  const issue = bounded.safeParse(value).error?.issues[0];
  expect(issue && sayWanted(issue)).toBe(wanted);
});

const objections: readonly (readonly [string, unknown, string | undefined, string])[] = [
  ["a missing field", {}, "items", "wanted a list of numbers, got nothing"],
  ["a field of another kind", { items: "1" }, "items", 'wanted a list of numbers, got "1"'],
  ["a wrong element", { items: [1, "two"] }, "items.1", 'wanted a whole number, got "two"'],
  ["an unknown field", { items: [], extra: 1 }, "extra", "there is no such field"],
  ["the whole", 7, undefined, "wanted an object, got 7"],
];
test.each(objections)(
  "%s is told by its place, what was wanted and what stands there",
  (_title, value, path, message) => {
    const { error } = schema.safeParse(value);
    expect(error && objectionOf(error, value)).toEqual({ path, message });
  },
);
