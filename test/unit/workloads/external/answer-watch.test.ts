import { expect, test } from "vitest";
import { createLogger, silentLogger } from "../../../../src/lib/logger.ts";
import { millis, seconds } from "../../../../src/units/time.ts";
import { AnswerWatch } from "../../../../src/workloads/external/answer-watch.ts";
import { parseBusy } from "../../../../src/workloads/external/answers.ts";
import type { HookAnswer } from "../../../../src/workloads/hook.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** A watch that asks every five seconds and believes an answer for twenty, and what it asked, logged and told. */
function bench(takesMs = 0) {
  const clock = new ManualClock();
  const log: string[] = [];
  const state: { answer: HookAnswer; asked: number; changes: number } = {
    answer: { kind: "answered", text: "false" },
    asked: 0,
    changes: 0,
  };
  const watch = new AnswerWatch({
    name: "vast busy",
    ask: async (signal) => {
      state.asked++;
      if (takesMs > 0) await clock.wait(millis(takesMs), signal);
      return state.answer;
    },
    parse: (text) => parseBusy(text, undefined),
    every: seconds(5),
    maxAge: seconds(20),
    clock,
    logger: createLogger("debug", (line) => log.push(line)),
    onChange: () => void state.changes++,
  });
  const stop = new AbortController();
  const done = watch.run(stop.signal);
  const end = async () => {
    stop.abort();
    await done;
  };
  return { clock, state, watch, log, end };
}

test("an answer is known after the first question, and a change is told at the next", async () => {
  const { clock, state, watch, end } = bench();
  await clock.advance(0);
  expect(watch.value).toBe(false);
  state.answer = { kind: "answered", text: "true" };
  await clock.advance(5000);
  expect([watch.value, state.changes]).toEqual([true, 2]);
  await clock.advance(5000);
  expect(state.changes).toBe(2);
  await end();
});

test("a stale answer is none, though it is remembered what it was", async () => {
  const { clock, state, watch, end } = bench();
  await clock.advance(0);
  state.answer = { kind: "failed", reason: "HTTP 500" };
  await clock.advance(20_000);
  expect(watch.value).toBe(false);
  await clock.advance(1);
  expect([watch.value, watch.last, watch.complaint]).toEqual([undefined, false, "HTTP 500"]);
  await end();
});

test("an answer is as old as its question", async () => {
  const { clock, watch, end } = bench(4000);
  await clock.advance(4000);
  expect(watch.value).toBe(false);
  await end();
  await clock.advance(16_001);
  expect(watch.value).toBeUndefined();
});

test("a failure is said once, asked about ever more rarely, and its end is said too", async () => {
  const { clock, state, log, end } = bench();
  await clock.advance(0);
  state.answer = { kind: "failed", reason: "exit code 1" };
  await clock.advance(600_000);
  expect(log.filter((line) => line.includes("exit code 1"))).toHaveLength(1);
  expect(state.asked).toBeLessThan(35);
  state.answer = { kind: "answered", text: "nonsense" };
  await clock.advance(60_000);
  expect(log.at(-1)).toContain("got no JSON but");
  state.answer = { kind: "answered", text: "true" };
  await clock.advance(60_000);
  expect(log.at(-1)).toContain("a hook answers again");
  await end();
});

test("a question that is answered after a later one tells nothing any more", async () => {
  const clock = new ManualClock();
  const answers: ((answer: HookAnswer) => void)[] = [];
  const heard: string[] = [];
  let changes = 0;
  const watch = new AnswerWatch({
    name: "vast busy",
    ask: () => new Promise<HookAnswer>((resolve) => answers.push(resolve)),
    parse: (text) => {
      heard.push(text);
      return parseBusy(text, undefined);
    },
    every: seconds(5),
    maxAge: seconds(20),
    clock,
    logger: silentLogger,
    onChange: () => void changes++,
  });
  const { signal } = new AbortController();
  const first = watch.look(signal);
  const failing = watch.look(signal);
  await clock.advance(1000);
  const second = watch.look(signal);
  answers[2]?.({ kind: "answered", text: "true" });
  expect(await second).toBe(true);
  answers[0]?.({ kind: "answered", text: "false" });
  expect(await first).toBe(true);
  answers[1]?.({ kind: "failed", reason: "HTTP 500" });
  await failing;
  expect([watch.value, watch.complaint, changes, heard]).toEqual([true, undefined, 1, ["true"]]);
  await clock.advance(20_000);
  expect(watch.value).toBe(true);
});
