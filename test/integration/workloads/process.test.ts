import { spawn } from "node:child_process";
import { symlinkSync } from "node:fs";
import { connect } from "node:net";
import { getPriority } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { createLogger, type Logger, silentLogger } from "../../../src/lib/logger.ts";
import { millis } from "../../../src/units/time.ts";
import type { Readiness, RunningWork, WorkDriver, WorkExit, WorkSpec } from "../../../src/workloads/driver.ts";
import { createProcessDriver } from "../../../src/workloads/process.ts";
import { readProcess } from "../../../src/workloads/process-table.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { onPath, type Requirement, testWith } from "../../support/requirement.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { until } from "../../support/until.ts";
import { childSpec } from "../../support/work-spec.ts";

const { signal } = new AbortController();
const isRunning = (pid: number): boolean => readProcess(pid)?.zombie === false;

let journal: MemoryJournal;
let exits: WorkExit[];
let drivers: WorkDriver[];

function createDriver(parts: { clock?: Clock; logger?: Logger; env?: Record<string, string | undefined> } = {}) {
  const driver = createProcessDriver({ clock: systemClock, logger: silentLogger, journal, env: process.env, ...parts });
  driver.onExit((exit) => exits.push(exit));
  drivers.push(driver);
  return driver;
}

beforeEach(() => {
  journal = new MemoryJournal();
  exits = [];
  drivers = [];
});

afterEach(async () => {
  journal.fault = undefined;
  await Promise.all(drivers.map((driver) => driver.close()));
});

async function runningWork(driver: WorkDriver, spec: WorkSpec): Promise<RunningWork> {
  const readiness = await driver.ensureReady(spec, signal);
  if (readiness.kind !== "ready") throw new Error(`not ready: ${JSON.stringify(readiness)}`);
  return readiness.work;
}

/** Tells the child `announce` to end by itself. */
const poke = ({ host, port }: RunningWork) =>
  connect({ host, port })
    .on("error", () => {})
    .end("end\n");

describe("a start", () => {
  test("tells of its process before it is ready", async () => {
    const driver = createDriver();
    let isReady = false;
    const begun: unknown[] = [];
    driver.onBegun?.((work) => begun.push({ ...work, isReady }));
    const { pid } = await runningWork(driver, childSpec("announce")).finally(() => {
      isReady = true;
    });
    const { name, role, gpu } = childSpec("announce");
    expect(begun).toEqual([{ name, role, gpus: [gpu], pid, isReady: false }]);
  });

  test("is ready once the child announced where it listens", async () => {
    const readiness = await createDriver().ensureReady(childSpec("announce", ["talk"]), signal);
    expect(readiness).toMatchObject({
      kind: "ready",
      started: true,
      work: { name: "engine", host: "127.0.0.1", facts: { backend: "cpu" } },
    });
    const work = readiness.kind === "ready" ? readiness.work : undefined;
    expect(isRunning(work?.pid ?? 0)).toBe(true);
    expect(work?.port).toBeGreaterThan(0);
  });

  test("puts the child in a process group of its own, at the wanted niceness", async () => {
    const { pid } = await runningWork(createDriver(), childSpec("announce", [], { nice: 7 }));
    expect(readProcess(pid)?.group).toBe(pid);
    expect(getPriority(pid)).toBe(7);
  });

  test("gives the child what its spec says and nothing secret", async () => {
    const env = { PATH: process.env.PATH, RIGSHIFT_POOL_PASSWORD: "hunter2" };
    const { facts } = await runningWork(createDriver({ env }), childSpec("announce", [], { env: { MODEL: "m" } }));
    expect(facts.env).toMatchObject({ MODEL: "m", PATH: process.env.PATH });
    expect(JSON.stringify(facts)).not.toContain("hunter2");
  });

  test("is recorded with the kernel's start time, and forgotten after the end", async () => {
    const driver = createDriver();
    const { pid } = await runningWork(driver, childSpec("announce"));
    expect(journal.list()).toMatchObject([
      { name: "engine", pid, startTicks: readProcess(pid)?.startTicks, role: "engine", gpu: "CPU-test" },
    ]);
    await driver.stop("engine", signal);
    expect(journal.list()).toEqual([]);
  });

  test("that cannot be recorded does not happen", async () => {
    journal.fault = new Error("disk full");
    expect(await createDriver().ensureReady(childSpec("announce"), signal)).toEqual({
      kind: "failed",
      code: "ERR_WORK_UNRECORDED",
      reason: "its start could not be recorded: disk full",
    });
  });

  test("is shared by everyone who asks for the same work at once", async () => {
    const driver = createDriver();
    const answers = await Promise.all([1, 2, 3].map(() => driver.ensureReady(childSpec("announce"), signal)));
    expect(new Set(answers.map((answer) => answer.kind === "ready" && answer.work.pid)).size).toBe(1);
    const again = await driver.ensureReady(childSpec("announce"), signal);
    expect(again).toMatchObject({ kind: "ready", started: false });
  });

  test("of another spec under the same name replaces the running work", async () => {
    const driver = createDriver();
    const before = await runningWork(driver, childSpec("announce"));
    const after = await runningWork(driver, childSpec("announce", ["talk"]));
    expect(after.pid).not.toBe(before.pid);
    expect(isRunning(before.pid)).toBe(false);
    expect(exits).toEqual([]);
  });

  test("with only another deadline is the same work", async () => {
    const driver = createDriver();
    const before = await runningWork(driver, childSpec("announce"));
    expect((await runningWork(driver, childSpec("announce", [], { stopTimeout: millis(1) }))).pid).toBe(before.pid);
  });
});

describe("a start that fails", () => {
  const rows: readonly (readonly [title: string, spec: WorkSpec, failure: object])[] = [
    [
      "a child that announces garbage is refused with what it said",
      childSpec("say", ["stdout", "hello\n"]),
      { code: "ERR_WORK_ANNOUNCEMENT", reason: "its first line is no JSON object: hello" },
    ],
    [
      "a child whose first line never ends is refused without filling the memory",
      childSpec("say", ["stdout", "x".repeat(100_000)]),
      { code: "ERR_WORK_START_TIMEOUT" },
    ],
    [
      "a child that ends early is told with its exit code and last line",
      childSpec("say", ["stderr", "first\ncannot load the model\n", "3"]),
      { code: "ERR_WORK_EXITED", reason: "exit code 3: cannot load the model" },
    ],
    [
      "a child that refuses its configuration says so with exit code 2",
      childSpec("say", ["stderr", "--model is missing\n", "2"]),
      { code: "ERR_WORK_REFUSED", reason: "exit code 2: --model is missing" },
    ],
    [
      "a child that names its own error code is quoted",
      childSpec("say", ["stderr", "engine: no such file (ERR_MODEL_MISSING): name a file\n", "2"]),
      { code: "ERR_MODEL_MISSING", reason: "exit code 2: engine: no such file (ERR_MODEL_MISSING): name a file" },
    ],
    [
      "a child that says nothing before its end is told by its exit code",
      childSpec("say", ["stdout", "", "0"]),
      { code: "ERR_WORK_EXITED", reason: "exit code 0" },
    ],
    [
      "a program that does not exist is named",
      childSpec("say", [], { command: "/no/such/engine" }),
      { code: "ERR_WORK_SPAWN", reason: expect.stringContaining("/no/such/engine") },
    ],
    [
      "a command line that no program can be given is a failure like any other",
      childSpec("say", ["\0"]),
      { code: "ERR_WORK_SPAWN" },
    ],
  ];
  for (const [title, spec, failure] of rows)
    test(title, async () => {
      const driver = createDriver();
      const startTimeout = title.includes("never ends") ? millis(1500) : spec.startTimeout;
      expect(await driver.ensureReady({ ...spec, startTimeout }, signal)).toMatchObject({ kind: "failed", ...failure });
      expect(journal.list()).toEqual([]);
      expect(exits).toEqual([]);
    });

  test("a child that announces nothing is stopped at the start deadline", async () => {
    const clock = new ManualClock();
    const answer = createDriver({ clock }).ensureReady(childSpec("say"), signal);
    await until(() => clock.waiting === 1 && journal.rows.size === 1);
    const pid = journal.rows.get("engine")?.pid ?? 0;
    await clock.advance(20_000);
    expect(await answer).toEqual({
      kind: "failed",
      code: "ERR_WORK_START_TIMEOUT",
      reason: "it did not announce itself within 20 s",
    });
    expect(isRunning(pid)).toBe(false);
  });

  test("a failed start leaves the name free for the next one", async () => {
    const driver = createDriver();
    await driver.ensureReady(childSpec("say", ["stdout", "hello\n"]), signal);
    expect((await driver.ensureReady(childSpec("announce"), signal)).kind).toBe("ready");
  });

  test("a driver without setpriv at hand starts its children all the same", async () => {
    using directory = new TemporaryDirectory();
    symlinkSync("/usr/bin/nice", join(directory.path, "nice"));
    const driver = createDriver({ env: { PATH: directory.path } });
    expect((await driver.ensureReady(childSpec("announce", [], { nice: 1 }), signal)).kind).toBe("ready");
  });
});

describe("giving up on a start", () => {
  test("by the only one who waits for it ends the child", async () => {
    const driver = createDriver();
    const caller = new AbortController();
    const answer = driver.ensureReady(childSpec("say"), caller.signal);
    await until(() => journal.rows.size === 1);
    const pid = journal.rows.get("engine")?.pid ?? 0;
    caller.abort();
    expect(await answer).toEqual({ kind: "aborted" });
    await driver.stop("engine", signal);
    expect(isRunning(pid)).toBe(false);
  });

  test("by one of two leaves the start to the other", async () => {
    const driver = createDriver();
    const caller = new AbortController();
    const left = driver.ensureReady(childSpec("announce"), caller.signal);
    const stays = driver.ensureReady(childSpec("announce"), signal);
    caller.abort();
    expect([(await left).kind, (await stays).kind]).toEqual(["aborted", "ready"]);
  });

  test("by a stop tells everyone who waits that it was aborted", async () => {
    const driver = createDriver();
    const answer = driver.ensureReady(childSpec("say"), signal);
    await until(() => journal.rows.size === 1);
    await driver.stop("engine", signal);
    expect(await answer).toEqual({ kind: "aborted" });
  });

  test("before it began starts nothing", async () => {
    expect(await createDriver().ensureReady(childSpec("announce"), AbortSignal.abort())).toEqual({ kind: "aborted" });
    expect(journal.list()).toEqual([]);
  });

  test("a closed driver starts nothing any more", async () => {
    const driver = createDriver();
    const starting = driver.ensureReady(childSpec("announce"), signal);
    await driver.close();
    const late = await driver.ensureReady(childSpec("announce"), signal);
    expect([await starting, late]).toEqual([{ kind: "aborted" }, { kind: "aborted" }] satisfies Readiness[]);
  });
});

describe("a stop", () => {
  test("ends the work, tells no exit, and may be repeated", async () => {
    const driver = createDriver();
    const { pid } = await runningWork(driver, childSpec("announce"));
    await Promise.all([driver.stop("engine", signal), driver.stop("engine", signal)]);
    await driver.stop("engine", signal);
    expect(isRunning(pid)).toBe(false);
    expect(exits).toEqual([]);
  });

  test("kills a child that ignores the polite signal, once its patience is over", async () => {
    const clock = new ManualClock();
    const driver = createDriver({ clock });
    const { pid } = await runningWork(driver, childSpec("announce", ["stubborn"]));
    const stopping = driver.stop("engine", signal);
    await until(() => clock.waiting === 1);
    await clock.advance(9999);
    expect(isRunning(pid)).toBe(true);
    await clock.advance(1);
    await stopping;
    expect(isRunning(pid)).toBe(false);
  });

  test("kills at once when the caller has no time left", async () => {
    const driver = createDriver({ clock: new ManualClock() });
    const { pid } = await runningWork(driver, childSpec("announce", ["stubborn"]));
    const caller = new AbortController();
    const stopping = driver.stop("engine", caller.signal);
    caller.abort();
    await stopping;
    expect(isRunning(pid)).toBe(false);
  });

  test("ends what the child started as well", async () => {
    const driver = createDriver();
    const { facts } = await runningWork(driver, childSpec("announce", ["grandchild"]));
    const grandchild = Number(facts.grandchild);
    expect(isRunning(grandchild)).toBe(true);
    await driver.stop("engine", signal);
    await until(() => !isRunning(grandchild));
  });

  test("makes the next start wait until the work is gone", async () => {
    const driver = createDriver();
    const before = await runningWork(driver, childSpec("announce"));
    const stopping = driver.stop("engine", signal);
    const after = await runningWork(driver, childSpec("announce"));
    expect(isRunning(before.pid)).toBe(false);
    expect(after.pid).not.toBe(before.pid);
    await stopping;
  });
});

describe("an end that nobody asked for", () => {
  test("is told once, with the exit code and the last line", async () => {
    const driver = createDriver();
    poke(await runningWork(driver, childSpec("announce", ["exit=9"])));
    await until(() => exits.length > 0);
    expect(exits).toEqual([
      { name: "engine", gpu: "CPU-test", role: "engine", reason: "exit code 9: the device is gone" },
    ]);
    await until(() => journal.rows.size === 0);
  });

  test("names the signal that killed the child", async () => {
    const { pid } = await runningWork(createDriver(), childSpec("announce"));
    process.kill(pid, "SIGKILL");
    await until(() => exits.length > 0);
    expect(exits[0]?.reason).toBe("signal SIGKILL");
  });

  test("is followed by a fresh start when the work is asked for again", async () => {
    const driver = createDriver();
    const before = await runningWork(driver, childSpec("announce"));
    process.kill(before.pid, "SIGKILL");
    await until(() => exits.length > 0);
    const after = await runningWork(driver, childSpec("announce"));
    expect(after.pid).not.toBe(before.pid);
  });

  test("reaches every listener, even when one of them fails", async () => {
    const driver = createDriver();
    const told: string[] = [];
    driver.onExit(() => {
      throw new Error("listener broke");
    });
    driver.onExit(({ name }) => told.push(name));
    poke(await runningWork(driver, childSpec("announce")));
    await until(() => told.length === 1);
  });
});

test("what a child says on standard error is logged at debug, without control characters", async () => {
  const lines: string[] = [];
  const driver = createDriver({ logger: createLogger("debug", (line) => lines.push(line)) });
  await runningWork(driver, childSpec("announce", ["talk"]));
  await until(() => lines.length > 0);
  expect(lines[0]).toMatch(/debug loading {2}\[31mmodel work=engine\n$/);
});

const setpriv: Requirement = {
  name: "setpriv of util-linux",
  mend: "apt install util-linux",
  expectedInCi: true,
  present: () => onPath("setpriv"),
};

testWith(setpriv, "a child that ignores every polite end dies with an agent that is killed with kill -9", async () => {
  const parent = spawn(process.execPath, [join(import.meta.dirname, "../../support/children/parent.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = Number(await new Promise((resolve) => parent.stdout.once("data", resolve)));
  expect(isRunning(pid)).toBe(true);
  parent.kill("SIGKILL");
  await until(() => !isRunning(pid));
});

test("a thousand questions for running work leave no listener behind", async () => {
  const driver = createDriver();
  await runningWork(driver, childSpec("announce"));
  const long = new AbortController();
  let listeners = 0;
  const add = long.signal.addEventListener.bind(long.signal);
  const remove = long.signal.removeEventListener.bind(long.signal);
  long.signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  long.signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  for (let i = 0; i < 1000; i++) await driver.ensureReady(childSpec("announce"), long.signal);
  expect(listeners).toBe(0);
});
