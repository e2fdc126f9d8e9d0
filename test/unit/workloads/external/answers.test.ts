import { describe, expect, test } from "vitest";
import { parseBusy, parseEarnings } from "../../../../src/workloads/external/answers.ts";

describe("whether it is in use", () => {
  const said = [
    ["true", undefined, true],
    ["false", undefined, false],
    [" 2\n", undefined, true],
    ["0", undefined, false],
    ['{"config":{"rental_status":1}}', "/config/rental_status", true],
    ['{"machines":[{"current_rentals_running":0}]}', "/machines/0/current_rentals_running", false],
    ['{"a/b":{"~":true}}', "/a~1b/~0", true],
  ] as const;
  for (const [text, pointer, value] of said)
    test(`is ${value} by ${text.trim()}`, () => {
      expect(parseBusy(text, pointer)).toEqual({ kind: "said", value });
    });

  const nonsense = [
    ["", undefined, "got no JSON but nothing"],
    ["<html>\u001b[31m busy", undefined, 'got no JSON but "<html> [31m busy"'],
    ["null", undefined, "got null"],
    ["-1", undefined, "got -1"],
    ["1e999", undefined, "got Infinity"],
    ['"true"', undefined, 'got "true"'],
    ["{}", "/rented", "at /rented, got nothing"],
    ['{"rented":{}}', "/rented", "got an object"],
    ["{}", "/__proto__", "got nothing"],
    ["x".repeat(1_000_000), undefined, "got no JSON"],
    ["[".repeat(100_000), undefined, "got no JSON"],
  ] as const;
  for (const [text, pointer, reason] of nonsense)
    test(`is not said by ${JSON.stringify(text.slice(0, 30))}`, () => {
      const answer = parseBusy(text, pointer);
      expect(answer).toMatchObject({ kind: "nonsense", reason: expect.stringContaining(reason) });
      expect(JSON.stringify(answer).length).toBeLessThan(300);
    });
});

describe("what comes in", () => {
  test("is USD per hour", () => {
    expect(parseEarnings('{"earn_hour":0.42}', "/earn_hour", "hour")).toEqual({ kind: "said", value: 0.42 });
  });

  test("is a 24th of what it is per day", () => {
    expect(parseEarnings("12", undefined, "day")).toEqual({ kind: "said", value: 0.5 });
  });

  test("may be nothing", () => {
    expect(parseEarnings("0", undefined, "hour")).toEqual({ kind: "said", value: 0 });
  });

  for (const text of ["NaN", "-0.1", "1e9", "1e999", '"0.4"', "true", "[]", "Infinity"])
    test(`is not said by ${text}`, () => {
      expect(parseEarnings(text, undefined, "hour")).toMatchObject({ kind: "nonsense" });
    });
});
