import { expect, test } from "vitest";
import { z } from "zod";
import { objectionOf, sayGot, valueAt } from "../../../src/lib/wanted.ts";

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
