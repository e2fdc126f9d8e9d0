import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { unixMs } from "../../../src/units/time.ts";
import { type ProcessRow, stopLeftovers } from "../../../src/workloads/leftovers.ts";
import { readProcess } from "../../../src/workloads/process-table.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { until } from "../../support/until.ts";

const { signal } = new AbortController();
const parts = { clock: systemClock, logger: silentLogger };

let journal: MemoryJournal;
let children: ChildProcess[];

beforeEach(() => {
  journal = new MemoryJournal();
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** A process that stands for a child of an agent that crashed. */
function leftover(script = "exec sleep 600", detached = true): number {
  const child = spawn("sh", ["-c", script], { detached, stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  if (child.pid === undefined) throw new Error("sh did not start");
  return child.pid;
}

const isRunning = (pid: number): boolean => readProcess(pid)?.zombie === false;

function remember(pid: number, changes: Partial<ProcessRow> = {}): void {
  const started = unixMs(1_760_000_000_000);
  const startTicks = readProcess(pid)?.startTicks;
  journal.remember({
    name: `w${pid}`,
    pid,
    startTicks,
    role: "miner",
    gpu: "CPU-test",
    command: "sh",
    started,
    ...changes,
  });
}

test("a child with the recorded start time is stopped and forgotten", async () => {
  const pid = leftover();
  remember(pid);
  expect(await stopLeftovers(journal, parts, signal)).toMatchObject([{ name: `w${pid}`, pid, role: "miner" }]);
  expect(isRunning(pid)).toBe(false);
  expect(journal.list()).toEqual([]);
});

test("its whole group goes with it", async () => {
  const pid = leftover("sleep 601 & wait");
  remember(pid);
  await stopLeftovers(journal, parts, signal);
  // No process is left in the group: signal 0 finds none.
  await until(() => {
    try {
      return !process.kill(-pid, 0);
    } catch {
      return true;
    }
  });
});

test("a process that merely got the same pid later is left alone, and only the row is dropped", async () => {
  const pid = leftover();
  remember(pid, { startTicks: 1 });
  expect(await stopLeftovers(journal, parts, signal)).toEqual([]);
  expect(isRunning(pid)).toBe(true);
  expect(journal.list()).toEqual([]);
});

test("a process whose start time was never known is left alone", async () => {
  const pid = leftover();
  remember(pid, { startTicks: undefined });
  await stopLeftovers(journal, parts, signal);
  expect(isRunning(pid)).toBe(true);
});

test("a child that is long gone is only forgotten", async () => {
  const pid = leftover("exit 0");
  await until(() => readProcess(pid) === undefined);
  remember(pid, { startTicks: 5 });
  expect(await stopLeftovers(journal, parts, signal)).toEqual([]);
  expect(journal.list()).toEqual([]);
});

test("a child that leads no group of its own is stopped without the group it is in, which is ours", async () => {
  const pid = leftover("exec sleep 600", false);
  remember(pid);
  await stopLeftovers(journal, parts, signal);
  expect(isRunning(pid)).toBe(false);
});

test("a child that ignores the polite signal is killed after five seconds", async () => {
  const clock = new ManualClock();
  const pid = leftover("trap '' TERM; echo deaf; while :; do sleep 0.01; done");
  await new Promise((resolve) => children[0]?.stdout?.once("data", resolve));
  remember(pid);
  const stopping = stopLeftovers(journal, { ...parts, clock }, signal);
  await clock.advance(4900);
  expect(isRunning(pid)).toBe(true);
  await clock.advance(100);
  await until(() => !isRunning(pid));
  await clock.advance(100);
  expect(await stopping).toHaveLength(1);
});

test("an aborted start-up returns at once and keeps the rows for the next one", async () => {
  const pid = leftover();
  remember(pid);
  expect(await stopLeftovers(journal, parts, AbortSignal.abort())).toEqual([]);
  expect(isRunning(pid)).toBe(true);
  expect(journal.list()).toHaveLength(1);
});
