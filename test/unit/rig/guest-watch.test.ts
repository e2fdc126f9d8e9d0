import { beforeEach, describe, expect, test } from "vitest";
import { type Claim, GuestWatch } from "../../../src/rig/guest-watch.ts";
import { Roster } from "../../../src/rig/roster.ts";
import { minutes } from "../../../src/units/time.ts";
import { FakeProcesses } from "../../support/fake-processes.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let clock: ManualClock;
let processes: FakeProcesses;
let roster: Roster;
let watch: GuestWatch;
beforeEach(() => {
  clock = new ManualClock(T0);
  processes = new FakeProcesses();
  roster = new Roster(processes);
  watch = new GuestWatch({ ignore: ["nvtop"], coolDown: minutes(1), promise: minutes(15) }, clock);
});

const user = (pid: number, onlyDraws = false) => ({ pid, usedMiB: 10, smPercent: undefined, onlyDraws });
/** Looks once a second. */
async function look(seconds: number, ...users: ReturnType<typeof user>[]): Promise<string | undefined> {
  for (let second = 0; second <= seconds; second++) {
    watch.saw(users, roster);
    await clock.advance(1000);
  }
  watch.saw(users, roster);
  const { guest } = watch;
  return guest?.until === undefined ? guest?.name : undefined;
}

describe("a program that bears a desktop's name", () => {
  test.each([
    ["is the desktop's where it is the installed one, also while it computes", true, false, false],
    ["is a guest where it is another, also while it only draws", false, true, true],
    ["is the desktop's where nobody can tell and it only draws", undefined, true, false],
    ["is a guest where nobody can tell and it computes", undefined, false, true],
  ])("%s", async (_title, installed, onlyDraws, isGuest) => {
    processes.names.set(7, "Xorg");
    if (installed !== undefined) processes.installed.set(7, installed);
    expect(await look(3, user(7, onlyDraws))).toBe(isGuest ? "Xorg" : undefined);
  });
});

test("a program that the operator named is none, whatever it is", async () => {
  processes.names.set(7, "nvtop");
  processes.installed.set(7, false);
  expect(await look(3, user(7))).toBeUndefined();
});

test("a guest beside a desktop is found", async () => {
  processes.names.set(7, "Xorg").set(8, "python3");
  processes.installed.set(7, true);
  expect(await look(3, user(7), user(8))).toBe("python3");
});

describe("a container that was promised", () => {
  const claim = (changes: Partial<Claim> = {}): Claim => ({ container: "c1", name: "box", isForAll: true, ...changes });

  test("this very GPU is a guest as long as it runs", async () => {
    watch.claimed([claim({ isForAll: false, age: minutes(600) })]);
    expect(await look(3600)).toBe("box");
  });

  test("every GPU is a guest for a quarter of an hour, while it may still load", async () => {
    watch.claimed([claim()]);
    expect(await look(890)).toBe("box");
    expect(await look(20)).toBeUndefined();
  });

  test("every GPU and has run for long without using this one was never a guest", async () => {
    watch.claimed([claim({ age: minutes(20) })]);
    expect(await look(10)).toBeUndefined();
  });

  test("every GPU is one anew from its last use of this one", async () => {
    watch.claimed([claim({ age: minutes(20) })]);
    processes.names.set(9, "python3");
    processes.containers.set(9, "c1");
    expect(await look(5, user(9))).toBe("python3");
    expect(await look(60)).toBe("box");
    watch.claimed([claim({ age: minutes(30) })]);
    expect(await look(700)).toBe("box");
    expect(await look(300)).toBeUndefined();
  });

  test("and is named by the operator is none", async () => {
    watch.claimed([claim({ name: "nvtop", isForAll: false })]);
    expect(await look(10)).toBeUndefined();
  });
});
