import { beforeEach, describe, expect, test } from "vitest";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { type Occupants, Roster } from "../../../src/rig/roster.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import type { RunningWork } from "../../../src/workloads/driver.ts";
import { FakeProcesses } from "../../support/fake-processes.ts";
import { GPU_A } from "../../support/ledger-rows.ts";

const reading = (pids?: readonly number[]): GpuReading => ({
  uuid: GPU_A,
  at: unixMs(0),
  monotonic: millis(0),
  health: "ok",
  epoch: "b",
  ...(pids === undefined ? {} : { processes: pids.map((pid) => ({ pid, usedMiB: pid })) }),
});
const work = (pid: number): RunningWork => ({ name: `w-${pid}`, pid, host: "127.0.0.1", port: 1, facts: {} });

let processes: FakeProcesses;
let roster: Roster;
beforeEach(() => {
  processes = new FakeProcesses();
  roster = new Roster(processes);
});
const pidsOf = (pids: readonly number[]) => {
  const seen = roster.occupants(reading(pids));
  const of = (kind: keyof Occupants) => (seen?.[kind] ?? []).map(({ pid }) => pid);
  return { miner: of("miner"), engine: of("engine"), orphans: of("orphans"), strangers: of("strangers") };
};

describe("the processes on a GPU", () => {
  test("are each side's, or a stranger's", () => {
    roster.note("miner", work(10));
    roster.note("engine", work(20));
    expect(pidsOf([10, 20, 30])).toEqual({ miner: [10], engine: [20], orphans: [], strangers: [30] });
  });

  test("of a start that is not ready yet are ours, and an orphan's once that start was given up", () => {
    roster.begun({ role: "engine", pid: 20 });
    expect(pidsOf([20, 30])).toMatchObject({ engine: [20], strangers: [30] });
    roster.note("engine", undefined);
    expect(pidsOf([20, 30])).toMatchObject({ orphans: [20], strangers: [30] });
  });

  test("with the number of work that ended are a stranger's where they were begun later", () => {
    processes.starts.set(10, 744);
    roster.note("miner", work(10));
    roster.note("miner", undefined);
    expect(pidsOf([10]).orphans).toEqual([10]);
    processes.starts.set(10, 9000);
    expect(pidsOf([10])).toEqual({ miner: [], engine: [], orphans: [], strangers: [10] });
  });

  test("of work that was stopped, ended or replaced are orphans, not strangers", () => {
    roster.note("miner", work(10));
    roster.note("miner", work(11));
    roster.note("engine", work(20));
    roster.note("engine", undefined);
    expect(pidsOf([10, 11, 20])).toEqual({ miner: [11], engine: [], orphans: [10, 20], strangers: [] });
  });

  test("of the same work, told of again, stay its own", () => {
    roster.note("miner", work(10));
    roster.note("miner", work(10));
    expect(pidsOf([10]).orphans).toEqual([]);
  });

  test("that cannot be seen from here are no strangers", () => {
    processes.unseen.add(30);
    expect(pidsOf([30, 31]).strangers).toEqual([31]);
  });

  test("are not known where the device lists none", () => {
    expect(roster.occupants(reading())).toBeUndefined();
  });

  test("are remembered for the last sixteen units of work only", () => {
    for (let pid = 1; pid <= 20; pid++) roster.note("miner", work(pid));
    expect(pidsOf([1, 4, 19, 20])).toEqual({ miner: [20], engine: [], orphans: [4, 19], strangers: [1] });
  });
});

test("a process without a name is called a process", () => {
  processes.names.set(7, "ollama");
  expect([roster.nameOf(7), roster.nameOf(8)]).toEqual(["ollama", "a process"]);
});

test("containers are named for as long as they run, and processes are not", () => {
  roster.note("engine", { ...work(20), container: "0123456789abcdef" });
  roster.note("miner", work(10));
  expect(roster.containers()).toEqual(["engine in container 0123456789ab"]);
  roster.note("engine", undefined);
  expect(roster.containers()).toEqual([]);
});
