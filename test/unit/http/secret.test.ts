import { describe, expect, test } from "vitest";
import { basicPasswordOf, bearerOf, createSecretCheck } from "../../../src/http/secret.ts";

describe("a secret check", () => {
  test("takes any of its secrets and nothing else", () => {
    const check = createSecretCheck(["alpha", "beta"]);
    expect(["alpha", "beta", "alph", "alphaa", "", undefined].map((given) => check.matches(given))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test("never takes an empty secret, even where one was configured", () => {
    const check = createSecretCheck([""]);
    expect({ isEmpty: check.isEmpty, matches: check.matches("") }).toEqual({ isEmpty: true, matches: false });
  });
});

test("a bearer credential is read whatever the case of its scheme", () => {
  expect(["Bearer abc", "bearer  abc", "BEARER abc "].map(bearerOf)).toEqual(["abc", "abc", "abc"]);
  expect([undefined, "", "Bearer", "Bearer a b", "Basic abc", `Bearer ${"x".repeat(513)}`].map(bearerOf)).toEqual(
    Array(6).fill(undefined),
  );
});

test("a basic credential's password may hold colons", () => {
  expect(basicPasswordOf(`Basic ${btoa("me:pass:word")}`)).toBe("pass:word");
  expect([undefined, "Basic", `Basic ${btoa("nocolon")}`, "Bearer x", "Basic !!!"].map(basicPasswordOf)).toEqual(
    Array(5).fill(undefined),
  );
});
