import { beforeEach, describe, expect, test } from "vitest";
import type { GpuReading } from "../../../src/gpu/source.ts";
import type { Outcome } from "../../../src/rig/outcome.ts";
import type { Occupants } from "../../../src/rig/roster.ts";
import { type VerifyParts, verifyFree, verifyHardwareQuiet, type Wanted } from "../../../src/rig/verify.ts";
import { watts } from "../../../src/units/energy.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const NEVER = new AbortController().signal;
const NOBODY: Occupants = { miner: [], engine: [], orphans: [], strangers: [] };
const user = (pid: number) => ({ pid, usedMiB: 900, smPercent: undefined });

let clock: ManualClock;
let reads: number;
let shows: Partial<GpuReading> | undefined;
let seen: Occupants | undefined;
let xid: number | undefined;
let parts: VerifyParts;
beforeEach(() => {
  clock = new ManualClock(T0);
  reads = 0;
  shows = {};
  seen = NOBODY;
  xid = undefined;
  parts = {
    clock,
    read: () => {
      reads++;
      if (shows === undefined) return Promise.resolve(undefined);
      const { at, monotonic } = { at: clock.now(), monotonic: clock.monotonic() };
      return Promise.resolve({ uuid: GPU_A, at, monotonic, health: "ok", epoch: "b", ...shows });
    },
    occupants: () => seen,
    xid: () => xid,
  };
});

/** Runs the check; `at` says what changes when. */
async function run(start: (signal: AbortSignal) => Promise<Outcome>, at: Readonly<Record<number, () => void>> = {}) {
  let outcome: Outcome | undefined;
  void start(NEVER).then((value) => {
    outcome = value;
  });
  for (let ms = 0; outcome === undefined && ms <= 20_000; ms += 50) {
    at[ms]?.();
    await clock.advance(50);
  }
  return outcome;
}
const free = (wanted: Wanted) => (signal: AbortSignal) => verifyFree(parts, wanted, signal);
const WANTED: Wanted = { free: 8000, totalMiB: 10_000, gone: ["miner"] };

describe("a GPU is free", () => {
  test("at the first reading that says so", async () => {
    shows = { vramUsedMiB: 2000 };
    expect(await run(free(WANTED))).toEqual({ kind: "done" });
    expect(reads).toBe(1);
  });

  test("soon after it was given back: the first looks follow each other closely", async () => {
    shows = { vramUsedMiB: 9000 };
    const given = () => {
      shows = { vramUsedMiB: 500 };
    };
    expect(await run(free(WANTED), { 50: given })).toEqual({ kind: "done" });
    expect(clock.monotonic()).toBeLessThanOrEqual(100);
  });

  test("within five seconds, being read four times a second once a while has passed", async () => {
    shows = { vramUsedMiB: 9000 };
    const given = () => {
      shows = { vramUsedMiB: 500 };
    };
    expect(await run(free(WANTED), { 4800: given })).toEqual({ kind: "done" });
    expect(reads).toBe(23);
  });

  test("as it is with a processor, on which nothing stays of what ended", async () => {
    seen = undefined;
    expect(await run(free({ ...WANTED, holdsNothing: true }))).toEqual({ kind: "done" });
    expect(reads).toBe(1);
  });

  test("with strangers on it: they are the guest watch's", async () => {
    seen = { ...NOBODY, strangers: [user(7)] };
    shows = { vramUsedMiB: 900 };
    expect(await run(free(WANTED))).toEqual({ kind: "done" });
  });
});

describe("a GPU is not free", () => {
  const cases: readonly [string, () => void, string][] = [
    [
      "while its memory is not given back",
      () => {
        shows = { vramUsedMiB: 2001 };
      },
      "only 7999 MiB of VRAM are free, 8000 are needed",
    ],
    [
      "while the one that was stopped is still on it",
      () => {
        seen = { ...NOBODY, miner: [user(42), user(43)] };
      },
      "stopped work still holds the GPU (pid 42, 43)",
    ],
    [
      "while an orphan of ours is on it",
      () => {
        seen = { ...NOBODY, orphans: [user(44)] };
      },
      "stopped work still holds the GPU (pid 44)",
    ],
    [
      "after a new Xid",
      () => {
        xid = 31;
      },
      "the driver reported Xid 31 meanwhile",
    ],
    [
      "as long as it cannot be read",
      () => {
        shows = undefined;
      },
      "the GPU could not be read",
    ],
  ];
  test.each(cases)("%s", async (_title, arrange, reason) => {
    arrange();
    expect(await run(free(WANTED))).toEqual({ kind: "failed", reason });
    expect(clock.monotonic()).toBeLessThan(5500);
  });

  test("at once when it is lost", async () => {
    shows = { health: "lost", vramUsedMiB: 9000 };
    expect(await run(free(WANTED))).toEqual({ kind: "failed", reason: "the GPU is lost" });
    expect(reads).toBe(1);
  });

  test("nor waited for once the handover is called off", async () => {
    shows = { vramUsedMiB: 9000 };
    const stop = new AbortController();
    const outcome = verifyFree(parts, WANTED, stop.signal);
    await clock.advance(300);
    stop.abort();
    await clock.advance(300);
    expect(await outcome).toEqual({ kind: "aborted" });
  });
});

describe("a GPU that tells neither its programs nor its memory", () => {
  beforeEach(() => {
    seen = undefined;
  });

  test("is free once it is read unused twice, a second after the other was stopped", async () => {
    shows = { utilizationPercent: 0, power: watts(70) };
    expect(await run(free({ ...WANTED, idleW: 20 }))).toEqual({ kind: "done" });
    expect(clock.monotonic()).toBeGreaterThanOrEqual(1000);
    expect(clock.monotonic()).toBeLessThanOrEqual(1600);
  });

  test("is not free while it is used", async () => {
    shows = { utilizationPercent: 90, vramUsedMiB: 100 };
    expect(await run(free({ gone: ["miner"] }))).toEqual({ kind: "failed", reason: "the GPU is still 90 % busy" });
  });

  test("is judged by its power where that is all it tells", async () => {
    shows = { power: watts(29) };
    expect(await run(free({ ...WANTED, idleW: 20 }))).toEqual({ kind: "done" });
    shows = { power: watts(90) };
    expect(await run(free({ ...WANTED, idleW: 20 }))).toMatchObject({ kind: "failed" });
  });

  test("passes with a word about it where nothing at all can be judged, after the time that memory takes", async () => {
    shows = { power: watts(90) };
    expect(await run(free(WANTED))).toEqual({ kind: "done", caveat: expect.stringMatching(/^unverified: .*neither/) });
    expect(clock.monotonic()).toBeGreaterThanOrEqual(1000);
  });

  test("is judged by its programs as soon as they are listed", async () => {
    shows = { utilizationPercent: 90 };
    const listed = () => {
      seen = NOBODY;
    };
    expect(await run(free({ gone: ["miner"] }), { 500: listed })).toEqual({ kind: "done" });
  });

  test("fails after a new Xid all the same", async () => {
    xid = 31;
    expect(await run(free(WANTED))).toEqual({ kind: "failed", reason: "the driver reported Xid 31 meanwhile" });
  });
});

describe("a GPU is quiet", () => {
  const quiet = (idleW?: number) => (signal: AbortSignal) => verifyHardwareQuiet(parts, idleW, signal);

  test("in two readings that follow each other", async () => {
    shows = { utilizationPercent: 0, power: watts(29) };
    expect(await run(quiet(20))).toEqual({ kind: "done" });
    expect(reads).toBe(2);
  });

  test("not while it is busy, nor while it draws more than 10 W above rest", async () => {
    shows = { utilizationPercent: 3, power: watts(20) };
    expect(await run(quiet(20))).toEqual({ kind: "failed", reason: "the GPU is still 3 % busy" });
    shows = { utilizationPercent: 0, power: watts(31) };
    expect(await run(quiet(20))).toEqual({ kind: "failed", reason: "the GPU still draws 31 W, 20 W at rest" });
  });

  test("as far as anybody knows where it tells neither use nor power, which the outcome says", async () => {
    shows = { power: watts(90) };
    expect(await run(quiet())).toEqual({ kind: "done", caveat: expect.stringMatching(/^unverified: /) });
  });

  test("only if one busy reading between two quiet ones does not count as two in a row", async () => {
    shows = { utilizationPercent: 0 };
    const busy = () => {
      shows = { utilizationPercent: 9 };
    };
    const still = () => {
      shows = { utilizationPercent: 0 };
    };
    expect(await run(quiet(), { 50: busy, 300: still })).toEqual({ kind: "done" });
    expect(reads).toBe(4);
  });
});
