import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { seconds } from "../../../src/units/time.ts";
import type { FreezingDriver, RunningWork, WorkSpec } from "../../../src/workloads/driver.ts";
import { createProcessDriver } from "../../../src/workloads/process.ts";
import { readProcess } from "../../../src/workloads/process-table.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { until } from "../../support/until.ts";
import { childSpec } from "../../support/work-spec.ts";

const { signal } = new AbortController();
let driver: FreezingDriver;
beforeEach(() => {
  driver = createProcessDriver({
    clock: systemClock,
    logger: silentLogger,
    journal: new MemoryJournal(),
    env: process.env,
  });
});
afterEach(() => driver.close());

const stateOf = (pid: number): string | undefined =>
  readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[0];

async function start(spec: WorkSpec): Promise<RunningWork> {
  const readiness = await driver.ensureReady(spec, signal);
  if (readiness.kind !== "ready") throw new Error(JSON.stringify(readiness));
  return readiness.work;
}

test("frozen work stands still with all it started, and goes on when it is thawed", async () => {
  const { pid, facts } = await start(childSpec("announce", ["grandchild"]));
  const family = [pid, Number(facts.grandchild)];
  await driver.pause("engine", signal);
  await driver.pause("engine", signal);
  await until(() => family.every((one) => stateOf(one) === "T"));
  await driver.resume("engine", signal);
  await until(() => family.every((one) => stateOf(one) !== "T"));
});

test("frozen work hears that it should end", async () => {
  const { pid } = await start(childSpec("announce", [], { stopTimeout: seconds(600) }));
  await driver.pause("engine", signal);
  await until(() => stateOf(pid) === "T");
  await driver.stop("engine", signal);
  expect(readProcess(pid)).toBeUndefined();
});

test("work that does not run is neither frozen nor thawed", async () => {
  await expect(driver.pause("engine", signal)).resolves.toBeUndefined();
  await expect(driver.resume("engine", signal)).resolves.toBeUndefined();
});

test("work that announces nothing is ready where it was told to answer, and another place is other work", async () => {
  const spec = (port: number) => childSpec("say", ["stdout", "loading\n"], { answersAt: { host: "127.0.0.1", port } });
  const first = await start(spec(4067));
  expect(first).toMatchObject({ host: "127.0.0.1", port: 4067, facts: {} });
  expect((await start(spec(4067))).pid).toBe(first.pid);
  const second = await start(spec(4068));
  expect(second).toMatchObject({ port: 4068 });
  expect(second.pid).not.toBe(first.pid);
});
