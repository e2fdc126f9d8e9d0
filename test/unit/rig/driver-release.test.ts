import { afterEach, beforeEach, expect, test } from "vitest";
import type { ReleaseOutcome } from "../../../src/gpu/source.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { DriverRelease } from "../../../src/rig/driver-release.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let clock: ManualClock;
let calls: string[];
let log: string[];
let outcome: ReleaseOutcome;
let fault: Error | undefined;
let isWanted: boolean;
let isQuiet: boolean;
let stop: AbortController;
let release: DriverRelease;
beforeEach(() => {
  clock = new ManualClock(T0);
  calls = [];
  log = [];
  outcome = { kind: "released" };
  fault = undefined;
  isWanted = false;
  isQuiet = false;
  stop = new AbortController();
  const answer = <T>(call: string, value: T): Promise<T> => {
    calls.push(call);
    return fault === undefined ? Promise.resolve(value) : Promise.reject(fault);
  };
  release = new DriverRelease({
    source: { release: () => answer("release", outcome), resume: () => answer("resume", undefined) },
    clock,
    logger: createLogger("info", (line) => log.push(line)),
    isWanted: () => isWanted,
    isQuiet: () => isQuiet,
    onChange: () => {},
  });
  void release.run(stop.signal);
});
afterEach(() => stop.abort());

test("the driver is let go of only once nothing of ours runs, and only once", async () => {
  isWanted = true;
  await clock.advance(5000);
  expect(calls).toEqual([]);
  isQuiet = true;
  await clock.advance(5000);
  expect(calls).toEqual(["release"]);
  expect(release.words).toBe("the driver is let go of and may be worked on");
});

test("the driver is taken up again when the operator is done", async () => {
  isWanted = true;
  isQuiet = true;
  await clock.advance(1000);
  isWanted = false;
  await clock.advance(1000);
  expect(calls).toEqual(["release", "resume"]);
  expect(release.words).toBeUndefined();
});

test("calls that hang in the driver are said, by GPU", async () => {
  outcome = { kind: "held", gpus: [GPU_A] };
  isWanted = true;
  isQuiet = true;
  await clock.advance(1000);
  expect(release.words).toContain(`calls about ${GPU_A} hang in the driver`);
});

test("a fault is logged and tried again", async () => {
  fault = new Error("busy");
  isWanted = true;
  isQuiet = true;
  await clock.advance(1000);
  expect(release.words).toBeUndefined();
  expect(log.join("")).toContain("reason=busy");
  fault = undefined;
  await clock.advance(1000);
  expect(release.words).toBe("the driver is let go of and may be worked on");
});
