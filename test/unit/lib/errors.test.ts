import { describe, expect, test } from "vitest";
import {
  isAbort,
  isRigError,
  messageOf,
  RigError,
  systemCodeOf,
  toOneLine,
  toPrintable,
} from "../../../src/lib/errors.ts";

const fault = (message: string, mend?: string) =>
  new RigError(message, { code: "ERR_TEST", ...(mend === undefined ? {} : { mend }) });

describe("a rig error", () => {
  test("carries its facts, its cause and the name of its class", () => {
    class PoolError extends RigError {}
    const cause = new Error("refused");
    const error = new PoolError("the pool is away", { code: "ERR_POOL", retryable: true }, { cause });
    expect(error).toMatchObject({ name: "PoolError", message: "the pool is away", facts: { retryable: true } });
    expect(error.cause).toBe(cause);
    expect(isRigError(error)).toBe(true);
    expect(isRigError(cause)).toBe(false);
  });
});

describe("the line a person reads", () => {
  const lines: readonly [string, unknown, string][] = [
    [
      "says what, the code and the mend",
      fault("no ledger", "start the agent"),
      "no ledger (ERR_TEST): start the agent",
    ],
    ["ends after the code when nobody can mend it", fault("no ledger"), "no ledger (ERR_TEST)"],
    ["takes only the first line of a foreign error", new Error("first\nsecond"), "first"],
    ["is never empty", new Error(""), "unknown error"],
    ["takes what was thrown without being an error", "plain words", "plain words"],
    ["says undefined where undefined was thrown", undefined, "undefined"],
    [
      "cannot be split by the file it quotes",
      fault('"{\n  bad" is not JSON', "mend\r\nit"),
      '"{   bad" is not JSON (ERR_TEST): mend it',
    ],
    ["cannot steer the terminal", new Error("\u001b[2Jgone\u009b31m"), " [2Jgone 31m"],
    [
      "cannot be split by Unicode's own line ends",
      fault("one\u2028two\u2029three\u0085four"),
      "one two three four (ERR_TEST)",
    ],
  ];
  test.each(lines)("%s", (_title, error, line) => {
    expect(toOneLine(error)).toBe(line);
  });

  test("keeps letters of every script", () => {
    expect(toPrintable("Größe − 大 👩‍🚀")).toBe("Größe − 大 👩‍🚀");
  });
});

describe("what an error is", () => {
  test("an abort is told from a fault and from a deadline that passed", () => {
    expect(isAbort(AbortSignal.abort().reason)).toBe(true);
    expect(isAbort(new DOMException("late", "TimeoutError"))).toBe(false);
    expect(isAbort(new Error("AbortError"))).toBe(false);
    expect(isAbort({ name: "AbortError" })).toBe(false);
  });

  test("the system's code is read only where it is text", () => {
    expect(systemCodeOf(Object.assign(new Error("in use"), { code: "EADDRINUSE" }))).toBe("EADDRINUSE");
    expect(systemCodeOf(Object.assign(new Error("odd"), { code: 7 }))).toBeUndefined();
    expect(systemCodeOf(new Error("none"))).toBeUndefined();
    expect(systemCodeOf({ code: "ENOENT" })).toBeUndefined();
  });

  test("a message is taken from anything that can be thrown", () => {
    expect([messageOf(new Error("a")), messageOf("b"), messageOf(null), messageOf(7n)]).toEqual([
      "a",
      "b",
      "null",
      "7",
    ]);
  });
});
