import { describe, expect, test } from "vitest";
import { endInTime, RunEnd, STOP_WITHIN, StopTime } from "../../../src/rig/stop-time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const forever = () => new Promise<never>(() => {});

describe("an agent that is told to stop", () => {
  test("is waited for while nobody told it, and has its time from then on", async () => {
    const clock = new ManualClock(T0);
    const stop = new AbortController();
    let outcome: string | undefined;
    void endInTime(forever(), clock, stop.signal).then((value) => {
      outcome = value;
    });
    await clock.advance(600_000);
    stop.abort();
    await clock.advance(STOP_WITHIN - 1);
    expect(outcome).toBeUndefined();
    await clock.advance(1);
    expect(outcome).toBe("late");
  });

  test("ends with what it ends with where nothing hangs, and keeps no timer", async () => {
    const clock = new ManualClock(T0);
    const stop = new AbortController();
    stop.abort();
    expect(await endInTime(Promise.resolve("done"), clock, stop.signal)).toBe("done");
    await clock.advance(0);
    expect(clock.waiting).toBe(0);
    await expect(endInTime(Promise.reject(new Error("no ledger")), clock, stop.signal)).rejects.toThrow("no ledger");
  });

  test("stays within the time in which docker stop and Hive OS kill", () => {
    expect(STOP_WITHIN).toBeLessThan(10_000);
  });
});

describe("the end of a run", () => {
  test("comes with the first fault, which is the one that is told", () => {
    const end = new RunEnd(new AbortController().signal);
    end.onFault(new Error("first"));
    end.onFault(new Error("second"));
    expect(end.signal.aborted).toBe(true);
    expect(() => end.throwFault()).toThrow("first");
  });

  test("comes with the caller's order, and tells no fault", () => {
    const called = new AbortController();
    const end = new RunEnd(called.signal);
    expect(end.signal.aborted).toBe(false);
    called.abort();
    expect(end.signal.aborted).toBe(true);
    expect(() => end.throwFault()).not.toThrow();
  });
});

describe("one GPU's leave", () => {
  test("gives others their time before its own work is made to end, both counted from the order", async () => {
    const clock = new ManualClock(T0);
    const stop = new AbortController();
    const time = new StopTime(clock, stop.signal);
    await clock.advance(60_000);
    let isOver = false;
    stop.abort();
    void time.withinExternal(forever()).then(() => {
      isOver = true;
    });
    await clock.advance(3999);
    expect([isOver, time.politeUntil.aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect([isOver, time.politeUntil.aborted]).toEqual([true, false]);
    await clock.advance(2000);
    expect(time.politeUntil.aborted).toBe(true);
    await time.withinExternal(forever());
  });

  test("counts nothing any more once all was left", async () => {
    const clock = new ManualClock(T0);
    const stop = new AbortController();
    stop.abort();
    const time = new StopTime(clock, stop.signal);
    await time.withinExternal(Promise.resolve());
    time.done();
    await clock.advance(0);
    expect(clock.waiting).toBe(0);
  });
});
