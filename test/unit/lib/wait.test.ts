import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { wait, withDeadline } from "../../../src/lib/wait.ts";
import { hours, millis, seconds } from "../../../src/units/time.ts";

const NEVER = new AbortController().signal;
/** Whether `promise` has resolved by now. */
const isDone = async (promise: Promise<void>): Promise<boolean> =>
  Promise.race([promise.then(() => true), Promise.resolve().then(() => Promise.resolve(false))]);

describe("waiting", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("lasts as long as asked", async () => {
    const waiting = wait(seconds(5), NEVER);
    await vi.advanceTimersByTimeAsync(4999);
    expect(await isDone(waiting)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isDone(waiting)).toBe(true);
  });

  test("ends at once, without a fault, when it is called off, and leaves no timer behind", async () => {
    const stop = new AbortController();
    const waiting = wait(hours(1), stop.signal);
    stop.abort();
    await expect(waiting).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not begin when it was called off before", async () => {
    await expect(wait(hours(1), AbortSignal.abort())).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("takes its listener back, so that a long-lived signal does not collect them", async () => {
    const signal = new AbortController().signal;
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    for (let round = 0; round < 50; round++) {
      const waiting = wait(seconds(1), signal);
      await vi.advanceTimersByTimeAsync(1000);
      await waiting;
    }
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length);
  });

  test("of a month is a month: a timer that cannot count so far would fire at once", async () => {
    const waiting = wait(hours(24 * 30), NEVER);
    await vi.advanceTimersByTimeAsync(hours(24 * 30) - 1);
    expect(await isDone(waiting)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isDone(waiting)).toBe(true);
  });

  test("of a month can be called off in its last days", async () => {
    const stop = new AbortController();
    const waiting = wait(hours(24 * 30), stop.signal);
    await vi.advanceTimersByTimeAsync(hours(24 * 29));
    stop.abort();
    await expect(waiting).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a deadline", () => {
  test("fires when what it belongs to is called off, with that reason", () => {
    const stop = new AbortController();
    const signal = withDeadline(stop.signal, seconds(60));
    stop.abort(new Error("shutting down"));
    expect(signal.reason).toEqual(new Error("shutting down"));
  });

  test("fires by itself, and says that it was the time", async () => {
    const signal = withDeadline(NEVER, millis(1));
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    expect(signal.reason).toMatchObject({ name: "TimeoutError" });
  });

  test.each([
    ["a fraction of a millisecond", 0.4],
    ["a moment that has passed", -20],
    ["more than a timer can count", hours(24 * 365)],
  ])("may be %s", (_title, length) => {
    expect(withDeadline(NEVER, millis(length))).toBeInstanceOf(AbortSignal);
  });
});
