import { expect, test } from "vitest";
import { silentLogger } from "../../../../src/lib/logger.ts";
import { minutes, seconds } from "../../../../src/units/time.ts";
import type { CommandHook } from "../../../../src/workloads/external/hooks.ts";
import { ExternalProgram } from "../../../../src/workloads/external/program.ts";
import type { HookAnswer } from "../../../../src/workloads/hook.ts";
import { GPU_A, T0 } from "../../../support/ledger-rows.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const NEVER = new AbortController().signal;

const hook = (name: string): CommandHook => ({ kind: "command", command: [name], timeout: seconds(1) });

/** A program of three hooks, and which of them were called for what. */
function bench(answers: Partial<Record<string, HookAnswer>>) {
  const calls: string[] = [];
  const program = new ExternalProgram({
    spec: {
      name: "vast",
      start: hook("list"),
      stop: hook("unlist"),
      busy: { hook: hook("rented"), every: seconds(30), maxAge: minutes(2) },
      privateHosts: [],
    },
    gpus: [GPU_A],
    clock: new ManualClock(T0),
    logger: silentLogger,
    onChange: () => {},
    call: (_hook, { purpose }) => {
      calls.push(purpose);
      return Promise.resolve(answers[purpose] ?? { kind: "answered", text: "" });
    },
  });
  return { program, calls };
}

test("a start that fails says why and calls no other hook: it may have found a customer there", async () => {
  const { program, calls } = bench({ start: { kind: "failed", reason: "rented already" } });
  expect(await program.start("it pays most", NEVER)).toBe("rented already");
  expect(calls).toEqual(["start"]);
});

test("a question outside of turn is answered anew, and not with the last word when it fails", async () => {
  const answers: { busy: HookAnswer } = { busy: { kind: "answered", text: "1" } };
  const { program } = bench(answers);
  expect(await program.askBusy(NEVER)).toBe(true);
  answers.busy = { kind: "failed", reason: "HTTP 500" };
  expect(await program.askBusy(NEVER)).toBeUndefined();
  expect([program.busy, program.complaint]).toEqual([true, "busy: HTTP 500"]);
});
