import { describe, expect, test } from "vitest";
import { createLogger } from "../../../src/lib/logger.ts";
import { seconds } from "../../../src/units/time.ts";
import type {
  AdoptedWork,
  ContainerDriver,
  FreezingDriver,
  Readiness,
  WorkSpec,
} from "../../../src/workloads/driver.ts";
import { ContainerError } from "../../../src/workloads/errors.ts";
import { MixedDriver } from "../../../src/workloads/mixed.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const { signal } = new AbortController();

const spec = (name: string, inContainer: boolean): WorkSpec => ({
  name,
  role: "miner",
  gpu: "CPU-0",
  command: "x",
  args: [],
  startTimeout: seconds(1),
  stopTimeout: seconds(1),
  ...(inContainer
    ? {
        container: {
          image: "i",
          profile: "operator",
          gpus: [],
          limits: { memoryMiB: 64, cpus: 1, pids: 64 },
          ready: { kind: "running" },
        },
      }
    : {}),
});

const away = () => new ContainerError("away", { code: "ERR_DOCKER_UNREACHABLE", mend: "start it", retryable: true });

function build(adopted: readonly AdoptedWork[] = [], faults: Error[] = []) {
  const log: string[] = [];
  const logged: string[] = [];
  const note = (what: string) => (name: string) => {
    log.push(`${what} ${name}`);
    return Promise.resolve();
  };
  const driver = (kind: string): FreezingDriver => ({
    ensureReady: ({ name }) => {
      log.push(`${kind} start ${name}`);
      const work = { name, pid: 1, host: "127.0.0.1", port: 1, facts: {} };
      return Promise.resolve<Readiness>({ kind: "ready", started: true, work });
    },
    stop: note(`${kind} stop`),
    pause: note(`${kind} pause`),
    resume: note(`${kind} resume`),
    onExit: () => log.push(`${kind} listened to`),
    close: () => note(`${kind} close`)("all"),
  });
  const absent = () => Promise.resolve(undefined);
  const containers: ContainerDriver = {
    ...driver("container"),
    lookAtEngine: () => Promise.resolve({ kind: "unreachable", code: "ERR_DOCKER_UNREACHABLE", reason: "" }),
    adopt: () => {
      const fault = faults.shift();
      return fault === undefined ? Promise.resolve(adopted) : Promise.reject(fault);
    },
    find: absent,
    stats: absent,
    discard: note("container discard"),
    logs: () => Promise.resolve([]),
    probe: () => Promise.resolve({ kind: "not-running" }),
    blindSpots: () => [],
    gpuClaims: () => Promise.resolve([{ container: "d", name: "theirs", gpus: "all" }]),
    onTrouble: () => {},
  };
  const clock = new ManualClock();
  const logger = createLogger("info", (line) => logged.push(line));
  const parts = { processes: driver("process"), containers, clock, logger, hasEngine: () => false };
  return { log, logged, clock, mixed: new MixedDriver({ ...parts, usesContainers: true }), parts };
}

const found = (name: string, state: AdoptedWork["state"]): AdoptedWork => ({
  name,
  role: "miner",
  gpus: ["CPU-0"],
  fingerprint: "f",
  state,
  container: "c",
  since: undefined,
});

/** As it is once the Engine has told what was left. */
async function surveyed() {
  const built = build();
  await built.mixed.tendLeftovers(AbortSignal.abort());
  return built;
}

test("every unit of work goes to the driver of its kind", async () => {
  const { mixed, log } = await surveyed();
  await mixed.ensureReady(spec("a", false), signal);
  await mixed.ensureReady(spec("b", true), signal);
  await mixed.stop("a", signal);
  await mixed.stop("b", signal);
  await mixed.discard("a", signal);
  await mixed.discard("b", signal);
  await mixed.stop("b", signal);
  expect(log).toEqual([
    "process start a",
    "process stop b",
    "container start b",
    "process stop a",
    "container stop b",
    "process stop a",
    "container discard b",
    "process stop b",
  ]);
});

test("work that moves out of its container leaves none behind", async () => {
  const { mixed, log } = build();
  await mixed.ensureReady(spec("a", true), signal);
  await mixed.ensureReady(spec("a", false), signal);
  expect(log.slice(1)).toEqual(["container start a", "container discard a", "process start a"]);
});

test("work of an earlier agent is stopped when nobody asked for it within a minute, the rest is left alone", async () => {
  const { mixed, log, clock } = build([found("wanted", "running"), found("orphan", "paused"), found("old", "stopped")]);
  const tending = mixed.tendLeftovers(signal);
  await clock.advance(1000);
  await mixed.ensureReady(spec("wanted", true), signal);
  await clock.advance(60_000);
  await tending;
  expect(log.filter((line) => line.startsWith("container stop"))).toEqual(["container stop orphan"]);
});

test("what an earlier agent left is told as it was found, and once more when it was stopped unclaimed", async () => {
  const { mixed, clock } = build([found("orphan", "running"), found("old", "stopped")]);
  const told: string[] = [];
  mixed.onAdopted(({ name, state }) => told.push(`${name} ${state}`));
  const tending = mixed.tendLeftovers(signal);
  await clock.advance(0);
  expect(told).toEqual(["orphan running", "old stopped"]);
  await clock.advance(60_000);
  await tending;
  expect(told.slice(2)).toEqual(["orphan stopped"]);
});

test("work of an earlier agent can be stopped before anybody started it here", async () => {
  const { mixed, log, clock } = build([found("a", "running")]);
  const leaving = new AbortController();
  const tending = mixed.tendLeftovers(leaving.signal);
  await clock.advance(0);
  await mixed.stop("a", signal);
  leaving.abort();
  await tending;
  expect(log).toEqual(["container stop a"]);
});

test("leftovers are looked for every few seconds until the Engine answers, and its silence is logged once", async () => {
  const { mixed, logged, clock } = build([found("orphan", "running")], [away(), away(), away()]);
  const told: string[] = [];
  mixed.onAdopted(({ name, state }) => told.push(`${name} ${state}`));
  const tending = mixed.tendLeftovers(signal);
  await clock.advance(0);
  for (let round = 0; round < 2; round++) await clock.advance(5000);
  expect(told).toEqual([]);
  await clock.advance(5000);
  expect(told).toEqual(["orphan running"]);
  await clock.advance(60_000);
  await tending;
  expect(told).toEqual(["orphan running", "orphan stopped"]);
  expect(logged.filter((line) => line.includes("cannot be looked for"))).toHaveLength(1);
});

describe("until the Engine has told what was left", () => {
  test("what is stopped is stopped in containers too, unless it was started here as a process", async () => {
    const { mixed, log } = build();
    await mixed.stop("a", signal);
    expect(log).toEqual(["process stop a", "container stop a"]);
    await mixed.ensureReady(spec("b", false), signal);
    await mixed.stop("b", signal);
    expect(log.slice(2)).toEqual(["process start b", "process stop b"]);
  });

  test("that may run is named, and no more once it has told", async () => {
    const { mixed, clock } = build([], [away()]);
    const leaving = new AbortController();
    const tending = mixed.tendLeftovers(leaving.signal);
    await clock.advance(0);
    expect(mixed.untold).toEqual(["what the Docker Engine never told of"]);
    await clock.advance(5000);
    expect(mixed.untold).toEqual([]);
    leaving.abort();
    await tending;
  });

  test("an agent that ends while it is asked ends without a fault", async () => {
    const { mixed } = build([], [new DOMException("aborted", "AbortError")]);
    await mixed.tendLeftovers(AbortSignal.abort());
    expect(mixed.untold).toHaveLength(1);
  });
});

test("a process keeps its name although a container of that name turns up", async () => {
  const { mixed, log, clock } = build([found("a", "running")], [away()]);
  const tending = mixed.tendLeftovers(signal);
  await clock.advance(0);
  await mixed.ensureReady(spec("a", false), signal);
  await clock.advance(5000);
  await mixed.pause("a", signal);
  await clock.advance(60_000);
  await tending;
  await mixed.stop("a", signal);
  expect(log).toEqual(["process start a", "process pause a", "container stop a", "container stop a", "process stop a"]);
});

describe("a rig that runs nothing in containers", () => {
  const rig = (hasEngine: boolean, faults: Error[] = []) => {
    const built = build([found("orphan", "running")], faults);
    const mixed = new MixedDriver({ ...built.parts, usesContainers: false, hasEngine: () => hasEngine });
    return { ...built, mixed };
  };

  test("never speaks to an Engine that is not there, and says nothing of it", async () => {
    const { mixed, log, logged } = rig(false, [away()]);
    await mixed.tendLeftovers(signal);
    await mixed.stop("a", signal);
    expect(log).toEqual(["process stop a"]);
    expect([await mixed.gpuClaims(signal), mixed.untold, logged]).toEqual([[], [], []]);
  });

  test("asks one that is there which GPUs were promised, and what an earlier agent left, which is stopped", async () => {
    const { mixed, log, clock } = rig(true);
    expect(await mixed.gpuClaims(signal)).toMatchObject([{ name: "theirs" }]);
    const tending = mixed.tendLeftovers(signal);
    await clock.advance(0);
    await clock.advance(60_000);
    await tending;
    expect(log).toEqual(["container stop orphan"]);
  });

  test("waits for nobody where it may not use the Engine", async () => {
    const forbidden = new ContainerError("no", { code: "ERR_DOCKER_PERMISSION", mend: "be root", retryable: false });
    const { mixed, logged, clock } = rig(true, [forbidden]);
    let isTold = false;
    mixed.onSurveyed(() => {
      isTold = true;
    });
    const stop = new AbortController();
    const tending = mixed.tendLeftovers(stop.signal);
    await clock.advance(0);
    expect([isTold, logged, mixed.untold]).toEqual([true, [], []]);
    stop.abort();
    await tending;
  });

  test("says nothing of an Engine that is there and silent", async () => {
    const { mixed, logged, clock } = rig(true, [away()]);
    const stop = new AbortController();
    const tending = mixed.tendLeftovers(stop.signal);
    await clock.advance(0);
    expect([logged, mixed.untold]).toEqual([[], []]);
    await mixed.stop("a", signal);
    stop.abort();
    await tending;
  });
});

test("both drivers are listened to, and closed", async () => {
  const { mixed, log } = build();
  mixed.onExit(() => {});
  await mixed.close();
  expect(log).toEqual(["process listened to", "container listened to", "process close all", "container close all"]);
});

test("who wants to know that all was told hears it after the last find, and at once from then on", async () => {
  const { mixed, clock } = build([found("left", "running")], [away()]);
  const told: string[] = [];
  mixed.onAdopted(({ name }) => told.push(name));
  mixed.onSurveyed(() => told.push("all"));
  const stop = new AbortController();
  const tending = mixed.tendLeftovers(stop.signal);
  await clock.advance(1000);
  expect(told).toEqual([]);
  await clock.advance(5000);
  mixed.onSurveyed(() => told.push("at once"));
  expect(told).toEqual(["left", "all", "at once"]);
  stop.abort();
  await tending;
});

test("without an Engine there is nothing to wait for", () => {
  let isTold = false;
  new MixedDriver({ ...build().parts, usesContainers: false }).onSurveyed(() => {
    isTold = true;
  });
  expect(isTold).toBe(true);
});
