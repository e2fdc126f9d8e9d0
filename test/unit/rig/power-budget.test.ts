import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import type { Outcome } from "../../../src/rig/outcome.ts";
import { PowerBudget, type PowerGroup } from "../../../src/rig/power-budget.ts";
import { watts } from "../../../src/units/energy.ts";
import { millis } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const NEVER = new AbortController().signal;
const uuid = (index: number): GpuUuid => `GPU-${index}`;
const group = (name: string, maxW: number, from: number, to: number): PowerGroup => ({
  name,
  maxPower: watts(maxW),
  gpus: new Set(Array.from({ length: to - from }, (_, index) => uuid(from + index))),
});
const RIG = group("the rig", 2000, 0, 12);
/** Two supplies of six GPUs each. */
const SUPPLIES = [group("left", 1100, 0, 6), group("right", 1100, 6, 12)];

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock(T0);
});
const open = (startEveryMs = 0, groups = [RIG, ...SUPPLIES]) =>
  new PowerBudget({ clock, groups, startEvery: millis(startEveryMs) });
/** A claim that can be looked at while it waits. */
function claim(budget: PowerBudget, gpu: number, power: number, signal = NEVER): { outcome: Outcome | undefined } {
  const pending: { outcome: Outcome | undefined } = { outcome: undefined };
  void budget.claim(uuid(gpu), watts(power), signal).then((outcome) => {
    pending.outcome = outcome;
  });
  return pending;
}

describe("twelve GPUs on two supplies", () => {
  type Event = { readonly gpu: number; readonly power: number; readonly kind: "claim" | "stop"; readonly ms: number };
  const events: fc.Arbitrary<readonly Event[]> = fc.array(
    fc.record({
      gpu: fc.nat(11),
      power: fc.integer({ min: 30, max: 450 }),
      kind: fc.constantFrom("claim", "claim", "stop"),
      ms: fc.nat(3000),
    }),
    { maxLength: 60 },
  );

  test("never draw more than a supply or the rig gives, whatever the order of starts and stops", async () => {
    await fc.assert(
      fc.asyncProperty(events, fc.constantFrom(0, 700), async (all, startEveryMs) => {
        clock = new ManualClock(T0);
        const budget = open(startEveryMs);
        const waiting = new Map<number, AbortController>();
        for (const { gpu, power, kind, ms } of all) {
          if (kind === "stop") {
            waiting.get(gpu)?.abort();
            budget.lower(uuid(gpu), watts(25));
          } else if (!waiting.has(gpu)) {
            const stop = new AbortController();
            waiting.set(gpu, stop);
            void budget.claim(uuid(gpu), watts(power), stop.signal).then(() => waiting.delete(gpu));
          }
          await clock.advance(ms);
          for (const one of [RIG, ...SUPPLIES]) expect(budget.claimed(one)).toBeLessThanOrEqual(one.maxPower);
        }
        for (const stop of waiting.values()) stop.abort();
      }),
      { numRuns: 100 },
    );
  });

  test("start in the order in which power becomes free", async () => {
    const budget = open();
    for (const gpu of [0, 1, 2]) expect((await budget.claim(uuid(gpu), watts(330), NEVER)).kind).toBe("done");
    const fourth = claim(budget, 3, 330);
    const right = claim(budget, 6, 330);
    await clock.advance(5000);
    expect([fourth.outcome, right.outcome]).toEqual([undefined, { kind: "done" }]);
    budget.lower(uuid(1), watts(20));
    await clock.advance(500);
    expect(fourth.outcome).toEqual({ kind: "done" });
  });
});

describe("a claim", () => {
  test("that its group can never meet fails at once, with both figures", async () => {
    expect(await open().claim(uuid(0), watts(1101), NEVER)).toEqual({
      kind: "failed",
      reason: "it may draw 1101 W, and the power budget of left is 1100 W",
    });
  });

  test("that is given up while it waits takes nothing", async () => {
    const budget = open(0, [group("left", 500, 0, 6)]);
    await budget.claim(uuid(0), watts(300), NEVER);
    const stop = new AbortController();
    const waiting = claim(budget, 1, 300, stop.signal);
    await clock.advance(1000);
    stop.abort();
    await clock.advance(1000);
    expect(waiting.outcome).toEqual({ kind: "aborted" });
    expect(budget.claimed(RIG)).toBe(300 + 11 * 25);
  });

  test("is met at once where nothing is limited", async () => {
    expect(await open(0, []).claim(uuid(0), watts(9000), NEVER)).toEqual({ kind: "done" });
  });

  test("made again by the same GPU counts once", async () => {
    const budget = open(60_000);
    await budget.claim(uuid(0), watts(300), NEVER);
    expect(await budget.claim(uuid(0), watts(300), NEVER)).toEqual({ kind: "done" });
    expect(budget.claimed(RIG)).toBe(300 + 11 * 25);
  });

  test("is never raised by a stop", () => {
    const budget = open();
    budget.lower(uuid(0), watts(400));
    expect(budget.claimed(RIG)).toBe(12 * 25);
  });
});

test("starts are as far apart as the operator wants", async () => {
  const budget = open(2000);
  const claims = [0, 1, 2].map((gpu) => claim(budget, gpu, 100));
  const done = () => claims.filter(({ outcome }) => outcome?.kind === "done").length;
  await clock.advance(0);
  expect(done()).toBe(1);
  await clock.advance(1900);
  expect(done()).toBe(1);
  await clock.advance(100);
  expect(done()).toBe(2);
  await clock.advance(2000);
  expect(done()).toBe(3);
});

test("a guest asks nobody, and ours has to fit beside it", async () => {
  const budget = open(0, [group("left", 700, 0, 6)]);
  budget.concede(uuid(0), watts(450));
  const ours = claim(budget, 1, 300);
  await clock.advance(5000);
  expect(ours.outcome).toBeUndefined();
  budget.lower(uuid(0), watts(20));
  await clock.advance(500);
  expect(ours.outcome).toEqual({ kind: "done" });
});

describe("asked ahead whether GPUs can work together", () => {
  const needs = (most: number, atRest: number) => ({ most: () => watts(most), atRest: () => watts(atRest) });
  const of = (maxW: number) => {
    const budget = open(0, [group("the rig", maxW, 0, 3)]);
    for (const gpu of [0, 1, 2]) budget.expect(uuid(gpu), needs(200, 20));
    return budget;
  };

  test("says no where they never can, with what all would draw", () => {
    expect(of(400).whyNotTogether([uuid(0), uuid(1)])).toBe(
      "GPU-0, GPU-1 may draw 400 W, the others 20 W at rest, and the power budget of the rig is 400 W, " +
        "so that it can never be had",
    );
    expect(of(420).whyNeverTogether([uuid(0), uuid(1)])).toBeUndefined();
  });

  test("says not now while the others have what they would draw, and yes once they have let go", () => {
    const budget = of(500);
    budget.concede(uuid(2), watts(200));
    expect(budget.whyNotTogether([uuid(0), uuid(1)])).toBe(
      "GPU-0, GPU-1 may draw 400 W, the others 200 W now, and the power budget of the rig is 500 W",
    );
    budget.lower(uuid(2), watts(20));
    expect(budget.whyNotTogether([uuid(0), uuid(1)])).toBeUndefined();
  });

  test("asks only the supplies that feed them", () => {
    const budget = open(0, [group("left", 100, 0, 1), group("right", 500, 1, 3)]);
    expect(budget.whyNotTogether([uuid(1), uuid(2)])).toBeUndefined();
  });
});
