import { afterEach, beforeEach, expect, test } from "vitest";
import { HiveControl } from "../../../src/gpu/hive/control.ts";
import type { ToolEnd } from "../../../src/gpu/hive/tool.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { type Profile, Tuner } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { millis } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const PROFILE: Profile = {
  role: "hashing",
  powerLimit: watts(200),
  graphicsMhz: 1500,
  memoryMhz: 810,
  mayRaise: false,
};
const GPUS = Array.from({ length: 12 }, (_, index) => ({ uuid: `GPU-${index}`, index, name: "card" }) as const);

let clock: ManualClock;
let ledger: Ledger;
/** The arguments of every run of the tool that came to its end. */
let runs: string[];
let answer: (args: string) => ToolEnd;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  runs = [];
  answer = () => ({ kind: "ended", exitCode: 0, output: "" });
});
afterEach(() => ledger.close());

/** Twelve cards that hash, set by a tool that takes so long a run. */
function tuned(runMs: number): readonly Tuner[] {
  const control = new HiveControl({
    tool: "nvtool",
    gpus: () => Promise.resolve(GPUS),
    driver: undefined,
    run: async (_file, args, signal) => {
      await clock.wait(millis(runMs), signal);
      if (signal.aborted) return { kind: "not-run", reason: "it was killed" };
      runs.push(args.join(" "));
      return answer(args.join(" "));
    },
  });
  return GPUS.map(({ uuid: gpu }) => {
    ledger.foundSettings.remember(gpu, { powerLimit: watts(300), graphicsLockMhz: 0, memoryLockMhz: 7000 });
    return new Tuner({ gpu, clock, control, profiles: [PROFILE], ledger, logger: createLogger("error", () => {}) });
  });
}

/** All at once, cut after `ms`; returns how many are not as they were found. */
async function restore(tuners: readonly Tuner[], ms: number): Promise<number> {
  const over = new AbortController();
  const done = Promise.all(tuners.map((tuner) => tuner.restore(over.signal)));
  for (let passed = 0; passed < ms; passed += 50) await clock.advance(50);
  over.abort();
  await done;
  return tuners.filter(({ isApplied }) => isApplied).length;
}

test("twelve cards are set back in one run of Hive OS's tool each, within the six seconds of a stop", async () => {
  expect(await restore(tuned(450), 6000)).toBe(0);
  expect(runs).toHaveLength(12);
  expect(runs[0]).toBe("-i 0 --setpl 300 --setclocks 0 --setmem 7000");
});

test("with a slower tool they are set back card by card, and the next try goes on with the others only", async () => {
  const tuners = tuned(1000);
  expect(await restore(tuners, 6050)).toBe(6);
  expect(await restore(tuners, 2050)).toBe(4);
  expect(new Set(runs).size).toBe(runs.length);
});

test("a card that does not take all of it at once gets what it takes, one by one", async () => {
  answer = (args) => ({ kind: "ended", exitCode: args.includes("--setmem") ? 3 : 0, output: "" });
  const [tuner] = tuned(10);
  if (tuner === undefined) throw new Error("no card");
  await restore([tuner], 200);
  expect(runs.slice(1)).toEqual(["-i 0 --setpl 300", "-i 0 --setclocks 0", "-i 0 --getclocks", "-i 0 --setmem 7000"]);
  expect(tuner.shortfall).toContain("memory clock");
  answer = () => ({ kind: "ended", exitCode: 0, output: "" });
  runs.length = 0;
  await restore([tuner], 200);
  expect([runs, tuner.isApplied]).toEqual([["-i 0 --setmem 7000"], false]);
});

test("a tool that hangs is asked once and not for each setting", async () => {
  answer = () => ({ kind: "not-run", reason: "it was killed" });
  const [tuner] = tuned(10);
  if (tuner === undefined) throw new Error("no card");
  expect(await restore([tuner], 200)).toBe(1);
  expect(runs).toEqual(["-i 0 --setpl 300 --setclocks 0 --setmem 7000"]);
  expect(tuner.shortfall).toContain("does not say whether it was set");
});
