import { beforeEach, describe, expect, test } from "vitest";
import { Wake } from "../../../src/rig/wake.ts";
import { seconds } from "../../../src/units/time.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const NEVER = new AbortController().signal;
let clock: ManualClock;
let wake: Wake;
beforeEach(() => {
  clock = new ManualClock();
  wake = new Wake();
});

describe("a sleeping loop", () => {
  test("sleeps its time", async () => {
    let isAwake = false;
    const sleeping = wake.sleep(clock, seconds(1), NEVER).then(() => {
      isAwake = true;
    });
    await clock.advance(999);
    expect(isAwake).toBe(false);
    await clock.advance(1);
    await sleeping;
    expect(isAwake).toBe(true);
  });

  test("is roused by a call, and leaves no timer behind", async () => {
    const sleeping = wake.sleep(clock, seconds(1000), NEVER);
    wake.call();
    await sleeping;
    expect(clock.waiting).toBe(0);
  });

  test("is roused once by many calls", async () => {
    const first = wake.sleep(clock, seconds(1), NEVER);
    wake.call();
    wake.call();
    await first;
    void wake.sleep(clock, seconds(1), NEVER);
    expect(clock.waiting).toBe(1);
  });

  test("wakes when it is stopped", async () => {
    const stop = new AbortController();
    const sleeping = wake.sleep(clock, seconds(1000), stop.signal);
    stop.abort();
    await expect(sleeping).resolves.toBeUndefined();
    expect(clock.waiting).toBe(0);
  });
});

describe("a call", () => {
  test("while the loop is awake is not lost: the next sleep does not begin", async () => {
    wake.call();
    await wake.sleep(clock, seconds(1000), NEVER);
    expect(clock.waiting).toBe(0);
  });

  test("while the loop is awake counts once", async () => {
    wake.call();
    await wake.sleep(clock, seconds(1000), NEVER);
    void wake.sleep(clock, seconds(1000), NEVER);
    expect(clock.waiting).toBe(1);
  });

  test("in the moment the time is up still makes the loop look", async () => {
    const sleeping = wake.sleep(clock, seconds(1), NEVER);
    const ticking = clock.advance(1000);
    wake.call();
    await Promise.all([sleeping, ticking]);
    expect(clock.waiting).toBe(0);
  });
});
