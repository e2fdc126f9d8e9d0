import { expect, test } from "vitest";
import { type Check, runCheck } from "../../../src/lib/check.ts";
import { RigError } from "../../../src/lib/errors.ts";
import { millis, seconds } from "../../../src/units/time.ts";

const { signal } = new AbortController();
const run = (check: Check["run"], limit = seconds(5)) => runCheck({ name: "disk", run: check }, signal, limit);

test("a check's result carries its name", async () => {
  expect(await run(() => ({ level: "ok", found: "fine" }))).toEqual({ name: "disk", level: "ok", found: "fine" });
  const warning = { level: "warn", found: "small", mend: "buy one" } as const;
  expect(await run(() => Promise.resolve(warning))).toEqual({ name: "disk", ...warning });
});

test("a check that throws fails in its fault's own words, thrown at once or later", async () => {
  const fault = new RigError("no room\nstack", { code: "ERR_LEDGER_FULL", mend: "free\u001b[2Jsome" });
  const failed = { name: "disk", level: "fail", found: "no room", mend: "free [2Jsome" };
  expect(await run(() => Promise.reject(fault))).toEqual(failed);
  expect(
    await run(() => {
      throw fault;
    }),
  ).toEqual(failed);
  expect(await run(() => Promise.reject(new Error("")))).toEqual({
    name: "disk",
    level: "fail",
    found: "unknown error",
  });
});

test("a check that hangs fails when its time is over, and is told to stop", async () => {
  let told: AbortSignal | undefined;
  const hung = await run((given) => {
    told = given;
    return new Promise(() => {});
  }, millis(20));
  expect(hung).toEqual({ name: "disk", level: "fail", found: "no answer within 0.02 s" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(told?.aborted).toBe(true);
});

test("what a stranger said cannot steer the terminal", async () => {
  expect((await run(() => ({ level: "ok", found: "a\u0007b\nc" }))).found).toBe("a b c");
});
