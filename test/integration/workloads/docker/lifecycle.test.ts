import { beforeAll, describe, expect } from "vitest";
import { millis, seconds } from "../../../../src/units/time.ts";
import { socketVolume } from "../../../../src/workloads/docker/create-body.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";
import { ask, contained, Drivers, ready, script, signal } from "./harness.ts";

const engine = useEngine();
const drivers = new Drivers(engine);
let image: string;
beforeAll(async () => {
  if (DOCKER.present()) image = await engine().image("base");
});

const idOf = (container: string | undefined) => engine().docker("inspect", "--format", "{{.Id}}", container ?? "");

describe("a start", () => {
  testWith(DOCKER, "creates the container, and is ready once the work answers on its socket", async () => {
    const { driver } = drivers.create([image]);
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({
      kind: "ready",
      started: true,
      work: { name: "engine", host: "127.0.0.1", facts: { backend: "cpu" } },
    });
    const work = readiness.kind === "ready" ? readiness.work : undefined;
    expect(work?.pid).toBeGreaterThan(1);
    expect((await ask(work ?? (await ready(driver, contained(image))))).env.PATH).toContain("/usr/local/bin");
  });

  testWith(DOCKER, "finds the same work again, without touching it", async () => {
    const { driver } = drivers.create([image]);
    const first = await ready(driver, contained(image));
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toEqual({ kind: "ready", started: false, work: first });
  });

  testWith(DOCKER, "is shared by those who ask at once", async () => {
    const { driver } = drivers.create([image]);
    const both = await Promise.all([ready(driver, contained(image)), ready(driver, contained(image))]);
    expect(both[0].container).toBe(both[1].container);
    expect((await engine().docker("ps", "--quiet")).split("\n")).toHaveLength(1);
  });

  testWith(DOCKER, "of a stopped container is a warm one", async () => {
    const { driver } = drivers.create([image]);
    const first = await ready(driver, contained(image));
    const { started } = await ask(first);
    await driver.stop("engine", signal);
    const second = await ready(driver, contained(image));
    expect(second.container).toBe(first.container);
    expect((await ask(second)).started).toBeGreaterThan(started);
    expect(second.facts).toEqual({ backend: "cpu" });
  });

  testWith(DOCKER, "of another spec replaces the container", async () => {
    const { driver, exits } = drivers.create([image]);
    const first = await ready(driver, contained(image));
    const second = await ready(driver, contained(image, "", { env: { MODEL: "m" } }));
    expect(second.container).not.toBe(first.container);
    expect((await ask(second)).env.MODEL).toBe("m");
    await expect(idOf(first.container)).rejects.toThrow("No such object");
    expect(exits).toEqual([]);
  });

  testWith(DOCKER, "after a discard is a cold one, and the folder of its socket is gone", async () => {
    const { driver } = drivers.create([image]);
    const first = await ready(driver, contained(image));
    expect(await engine().docker("volume", "ls", "--quiet")).toContain(socketVolume("test", "engine"));
    await driver.discard("engine", signal);
    expect((await engine().docker("volume", "ls", "--quiet")).split("\n")).not.toContain(
      socketVolume("test", "engine"),
    );
    expect((await ready(driver, contained(image))).container).not.toBe(first.container);
  });

  testWith(DOCKER, "that ends at once fails with its last words, and leaves nothing behind", async () => {
    const { driver, exits } = drivers.create([image]);
    const readiness = await driver.ensureReady(contained(image, "fail"), signal);
    expect(readiness).toEqual({
      kind: "failed",
      code: "ERR_WORK_EXITED",
      reason: "exit code 3: the model is broken",
    });
    expect(await engine().docker("ps", "--all", "--quiet")).toBe("");
    expect(exits).toEqual([]);
  });

  testWith(DOCKER, "that takes too long, or announces nonsense, is ended", async () => {
    const { driver } = drivers.create([image]);
    const late = await driver.ensureReady(contained(image, "silent", { startTimeout: seconds(1) }), signal);
    expect(late).toMatchObject({ kind: "failed", code: "ERR_WORK_START_TIMEOUT" });
    const garbage = await driver.ensureReady(contained(image, "garbage", { startTimeout: seconds(1) }), signal);
    expect(garbage).toMatchObject({ kind: "failed", code: "ERR_WORK_ANNOUNCEMENT" });
    expect(await engine().docker("ps", "--quiet")).toBe("");
  });

  testWith(DOCKER, "that nobody waits for any more is undone", async () => {
    const { driver } = drivers.create([image]);
    const impatient = new AbortController();
    const start = driver.ensureReady(contained(image, "slow"), impatient.signal);
    await until(async () => (await engine().docker("ps", "--quiet")) !== "");
    impatient.abort();
    expect(await start).toEqual({ kind: "aborted" });
    await until(async () => (await engine().docker("ps", "--quiet")) === "");
  });

  testWith(DOCKER, "leaves nothing running whenever interest in it ends", async () => {
    const { driver } = drivers.create([image]);
    for (let patience = 0; patience <= 300; patience += 20) {
      const readiness = await driver.ensureReady(contained(image, "slow"), AbortSignal.timeout(patience));
      expect(readiness, `after ${patience} ms`).toEqual({ kind: "aborted" });
    }
    await driver.close();
    expect(await engine().docker("ps", "--quiet")).toBe("");
  });

  testWith(DOCKER, "is cut short by a stop", async () => {
    const { driver } = drivers.create([image]);
    const start = driver.ensureReady(contained(image, "slow"), signal);
    await until(async () => (await engine().docker("ps", "--quiet")) !== "");
    await driver.stop("engine", signal);
    expect(await start).toEqual({ kind: "aborted" });
    expect(await engine().docker("ps", "--quiet")).toBe("");
  });
});

describe("a stop", () => {
  testWith(DOCKER, "lets the work end by itself", async () => {
    const { driver, exits } = drivers.create([image]);
    const work = await ready(driver, contained(image));
    await driver.stop("engine", signal);
    const code = await engine().docker("inspect", "--format", "{{.State.ExitCode}}", work.container ?? "");
    expect(code).toBe("0");
    expect(exits).toEqual([]);
    await expect(ask(work)).rejects.toThrow();
  });

  testWith(DOCKER, "kills work that ignores it, after the deadline", async () => {
    const { driver } = drivers.create([image]);
    const work = await ready(driver, contained(image, "deaf", { stopTimeout: seconds(2) }));
    const start = performance.now();
    await driver.stop("engine", signal);
    expect(performance.now() - start).toBeGreaterThan(1900);
    const state = await engine().docker(
      "inspect",
      "--format",
      "{{.State.Status}} {{.State.ExitCode}}",
      work.container ?? "",
    );
    expect(state).toBe("exited 137");
  });

  testWith(DOCKER, "that has no time left kills at once", async () => {
    const { driver } = drivers.create([image]);
    await ready(driver, contained(image, "deaf", { stopTimeout: seconds(30) }));
    const start = performance.now();
    await driver.stop("engine", AbortSignal.timeout(200));
    expect(performance.now() - start).toBeLessThan(8000);
    expect(await engine().docker("ps", "--quiet")).toBe("");
  });

  testWith(DOCKER, "of work that never ran is no fault", async () => {
    const { driver } = drivers.create([image]);
    await driver.stop("nobody", signal);
    await driver.discard("nobody", signal);
  });
});

describe("an end that nobody asked for", () => {
  testWith(DOCKER, "is told, with the exit code and the last words, and can be started again", async () => {
    const { driver, exits } = drivers.create([image]);
    const work = await ready(driver, contained(image));
    await ask(work, "/end");
    await until(() => exits.length > 0);
    expect(exits).toEqual([{ name: "engine", gpu: "CPU-test", role: "engine", reason: "exit code 7: told to end" }]);
    expect(await engine().docker("ps", "--quiet"), "nobody but the owner restarts it").toBe("");
    expect((await driver.ensureReady(contained(image), signal)).kind).toBe("ready");
    expect(exits).toHaveLength(1);
  });

  testWith(DOCKER, "for want of memory is told apart", async () => {
    const { driver, exits } = drivers.create([image]);
    await ask(await ready(driver, contained(image)), "/eat");
    await until(() => exits.length > 0);
    expect(exits[0]).toMatchObject({ cause: "out-of-memory", reason: expect.stringMatching(/^out of memory/) });
  });

  testWith(DOCKER, "by somebody's docker rm is told too", async () => {
    const { driver, exits } = drivers.create([image]);
    const { container = "" } = await ready(driver, contained(image));
    await engine().docker("rm", "--force", container);
    await until(() => exits.length > 0);
    expect(exits).toHaveLength(1);
  });

  testWith(DOCKER, "during the start, for want of memory, says so", async () => {
    const { driver } = drivers.create([image]);
    const eater = script(image, "const b=[];for(;;)b.push(Buffer.alloc(16<<20,1))", {
      container: { ready: { kind: "announced" } },
    });
    expect(await driver.ensureReady(eater, signal)).toMatchObject({ kind: "failed", code: "ERR_CONTAINER_OOM" });
  });
});

describe("an image", () => {
  testWith(DOCKER, "that is missing, not listed or not pinned is refused before anything is made", async () => {
    const missing = `sha256:${"0".repeat(64)}`;
    const { driver } = drivers.create([image, missing]);
    const other = `sha256:${"1".repeat(64)}`;
    for (const [name, code] of [
      [missing, "ERR_IMAGE_MISSING"],
      [other, "ERR_IMAGE_NOT_ALLOWED"],
      ["rigshift/base:node24", "ERR_IMAGE_NOT_ALLOWED"],
    ] as const)
      expect(await driver.ensureReady(contained(name), signal), name).toMatchObject({ kind: "failed", code });
    expect(await engine().docker("ps", "--all", "--quiet")).toBe("");
  });

  testWith(DOCKER, "that cannot be fetched says why", async () => {
    const absent = `127.0.0.1:9/nobody/nothing@sha256:${"2".repeat(64)}`;
    const { driver } = drivers.create([], { images: { allowed: [absent], pull: true } });
    const readiness = await driver.ensureReady(contained(absent), signal);
    expect(readiness).toMatchObject({ kind: "failed", code: "ERR_IMAGE_PULL", retryable: true });
  });
});

testWith(DOCKER, "a frozen container keeps its process, and a start thaws it", async () => {
  const { driver } = drivers.create([image]);
  const work = await ready(driver, contained(image));
  const { started } = await ask(work);
  await driver.pause("engine", signal);
  await driver.pause("engine", signal);
  expect((await driver.find("engine", signal))?.state).toBe("paused");
  expect(await driver.probe("engine", ["node", "-v"], signal)).toEqual({ kind: "not-running" });
  await driver.resume("engine", signal);
  await driver.resume("engine", signal);
  expect((await ask(work)).started).toBe(started);
  await driver.pause("engine", signal);
  expect(await driver.ensureReady(contained(image), signal)).toMatchObject({ kind: "ready", started: false });
  expect((await ask(work)).started).toBe(started);
});

testWith(DOCKER, "a frozen container is stopped politely", async () => {
  const { driver } = drivers.create([image]);
  const { container = "" } = await ready(driver, contained(image));
  await driver.pause("engine", signal);
  await driver.stop("engine", signal);
  expect(await engine().docker("inspect", "--format", "{{.State.ExitCode}}", container)).toBe("0");
  await expect(driver.pause("engine", signal)).rejects.toMatchObject({ facts: { code: "ERR_CONTAINER_ABSENT" } });
});

testWith(DOCKER, "stats, logs and a program inside are to be had while it runs", async () => {
  const { driver } = drivers.create([image]);
  const work = await ready(driver, contained(image));
  await ask(work, "/say");
  await until(async () => (await driver.logs("engine", 5, signal)).includes("a line of mine"));
  const stats = await driver.stats("engine", signal);
  expect(stats?.memoryBytes).toBeGreaterThan(1 << 20);
  expect(stats?.memoryLimitBytes).toBe(128 << 20);
  expect(stats?.pids).toBeGreaterThan(1);
  // The stream stays open: a new one says nothing for a second, however idle the machine is.
  await until(async () => {
    const again = performance.now();
    expect(await driver.stats("engine", signal)).toBeDefined();
    return performance.now() - again < millis(500);
  });
  const probe = await driver.probe(
    "engine",
    ["node", "-e", "console.log('in'); console.error('err'); process.exit(4)"],
    signal,
  );
  expect(probe).toMatchObject({ kind: "exited", code: 4 });
  expect(probe.kind === "exited" && probe.output.split("\n").sort()).toEqual(["", "err", "in"]);
  expect(await driver.probe("engine", ["no-such-program"], signal)).toMatchObject({ kind: "exited", code: 126 });
  await driver.stop("engine", signal);
  expect(await driver.stats("engine", signal)).toBeUndefined();
  expect(await driver.logs("engine", 5, signal)).toContain("a line of mine");
});
