import { expect, test } from "vitest";
import type { Workload } from "../../../src/ledger/rows.ts";
import type { LoopParts } from "../../../src/rig/loop-parts.ts";
import { measure } from "../../../src/rig/measuring.ts";

const NEVER = new AbortController().signal;

/** What the GPU's books learn of one reading of 60 W while `workload` has it and so many requests run and wait. */
async function learned(workload: Workload, active = 0, waiting = 0): Promise<readonly string[]> {
  const seen: string[] = [];
  const parts = {
    meter: { look: () => Promise.resolve({ power: 60 }) },
    rates: {
      observeHashrate: () => {},
      observePower: (activity: string, power: number) => void seen.push(`${activity} ${power} W`),
    },
    queue: { facts: () => ({ active, waiting }) },
    custody: { assignment: { workload } },
    ground: { observe: () => {}, roster: { isLeft: () => false } },
    trial: {},
    tenancies: { observePower: () => {} },
  };
  await measure(parts as unknown as LoopParts, NEVER);
  return seen;
}

test("a GPU's watts are learned by what it does: an engine that waits is warm, and no rest", async () => {
  expect(await learned("hashing")).toEqual(["hashing 60 W"]);
  expect(await learned("inference", 1)).toEqual(["serving 60 W"]);
  expect(await learned("inference")).toEqual(["warm 60 W"]);
  expect(await learned("none")).toEqual(["resting 60 W"]);
});

test("nothing is learned where a request is about to begin, nor of somebody else's work", async () => {
  expect(await learned("inference", 0, 1)).toEqual([]);
  expect(await learned("external")).toEqual([]);
});
