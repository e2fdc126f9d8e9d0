import { beforeAll, describe, expect } from "vitest";
import { createLogger } from "../../../../src/lib/logger.ts";
import { seconds } from "../../../../src/units/time.ts";
import type { WorkTrouble } from "../../../../src/workloads/driver.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";
import { ask, contained, Drivers, ready, script, signal } from "./harness.ts";

const timeouts = { read: seconds(1), change: seconds(2), start: seconds(5) };

describe("an Engine whose containers live on without it", () => {
  const engine = useEngine({ liveRestore: true });
  const drivers = new Drivers(engine);
  let image: string;
  beforeAll(async () => {
    if (DOCKER.present()) image = await engine().image("base");
  });

  testWith(DOCKER, "that is stopped leaves work running and reachable, and says so where asked", async () => {
    const lines: string[] = [];
    const { driver, exits } = drivers.create([image], {
      timeouts,
      logger: createLogger("info", (line) => lines.push(line)),
    });
    const work = await ready(driver, contained(image));
    const { started } = await ask(work);
    await engine().stop();
    await until(() => lines.some((line) => line.includes("the Docker Engine is away")));
    expect(await driver.ensureReady(contained(image), signal)).toMatchObject({
      kind: "failed",
      code: "ERR_DOCKER_UNREACHABLE",
      retryable: true,
      mend: expect.stringContaining("start the Docker Engine"),
    });
    await expect(driver.stop("engine", signal)).rejects.toMatchObject({ facts: { code: "ERR_DOCKER_UNREACHABLE" } });
    expect(await driver.lookAtEngine(signal)).toMatchObject({ kind: "unreachable", code: "ERR_DOCKER_UNREACHABLE" });
    expect((await ask(work)).started).toBe(started);
    expect(exits).toEqual([]);
    await engine().start();
    await until(() => lines.some((line) => line.includes("the Docker Engine is back")));
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({ kind: "ready", started: false });
    expect((await ask(readiness.kind === "ready" ? readiness.work : work)).started).toBe(started);
    expect(exits).toEqual([]);
  });

  testWith(DOCKER, "that comes back tells of work that ended meanwhile", async () => {
    const { driver, exits } = drivers.create([image], { timeouts });
    const work = await ready(driver, contained(image));
    await engine().stop();
    await ask(work, "/end");
    await engine().start();
    await until(() => exits.length > 0);
    expect(exits).toMatchObject([{ name: "engine", reason: expect.stringMatching(/^exit code/) }]);
    expect((await driver.ensureReady(contained(image), signal)).kind).toBe("ready");
  });

  testWith(DOCKER, "that hangs makes every call end in time, and nothing is lost when it goes on", async () => {
    const { driver, exits } = drivers.create([image], { timeouts });
    const work = await ready(driver, contained(image));
    const { started } = await ask(work);
    engine().suspend();
    try {
      const calls: [string, () => Promise<unknown>][] = [
        ["ensureReady", () => driver.ensureReady(contained(image), signal)],
        ["stop", () => driver.stop("engine", signal)],
        ["pause", () => driver.pause("engine", signal)],
        ["resume", () => driver.resume("engine", signal)],
        ["discard", () => driver.discard("engine", signal)],
        ["gpuClaims", () => driver.gpuClaims(signal)],
        ["adopt", () => driver.adopt(signal)],
        ["stats", () => driver.stats("engine", signal)],
        ["logs", () => driver.logs("engine", 3, signal)],
        ["probe", () => driver.probe("engine", ["node", "-v"], signal)],
        ["find", () => driver.find("engine", signal)],
        ["lookAtEngine", () => driver.lookAtEngine(signal)],
      ];
      for (const [name, call] of calls) {
        const start = performance.now();
        const outcome = await call().catch((error: unknown) => error);
        expect(JSON.stringify(outcome), name).toContain("ERR_DOCKER_TIMEOUT");
        expect(performance.now() - start, name).toBeLessThan(10_000);
      }
      expect((await ask(work)).started).toBe(started);
    } finally {
      engine().resume();
    }
    const readiness = await driver.ensureReady(contained(image), signal);
    expect((await ask(readiness.kind === "ready" ? readiness.work : work)).started).toBe(started);
    expect(exits).toEqual([]);
  });

  testWith(DOCKER, "that hangs does not hold up an abort", async () => {
    const { driver } = drivers.create([image]);
    await ready(driver, contained(image));
    engine().suspend();
    try {
      const start = performance.now();
      expect(await driver.ensureReady(contained(image), AbortSignal.timeout(100))).toEqual({ kind: "aborted" });
      expect(performance.now() - start).toBeLessThan(5000);
    } finally {
      engine().resume();
    }
  });

  testWith(DOCKER, "that was killed and came back goes on with the same work", async () => {
    const { driver, exits } = drivers.create([image], { timeouts });
    const work = await ready(driver, contained(image));
    const { started } = await ask(work);
    await engine().stop("SIGKILL");
    await engine().start();
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({ kind: "ready", started: false });
    expect((await ask(readiness.kind === "ready" ? readiness.work : work)).started).toBe(started);
    expect(exits).toEqual([]);
  });

  testWith(DOCKER, "tells of memory that ran out while the work goes on", async () => {
    const { driver, exits } = drivers.create([image]);
    const troubles: WorkTrouble[] = [];
    driver.onTrouble((trouble) => troubles.push(trouble));
    const eat = "const b = []; for (;;) b.push(Buffer.alloc(16 << 20, 1))";
    const parent = `require("node:child_process").spawn("node", ["-e", ${JSON.stringify(eat)}]); setInterval(() => {}, 1e6)`;
    await ready(driver, script(image, parent));
    await until(() => troubles.length > 0);
    expect(troubles[0]).toMatchObject({ name: "engine", kind: "oom" });
    expect(exits).toEqual([]);
  });
});

describe("an Engine that takes its containers with it", () => {
  const engine = useEngine();
  const drivers = new Drivers(engine);
  let image: string;
  beforeAll(async () => {
    if (DOCKER.present()) image = await engine().image("base");
  });

  testWith(DOCKER, "and is restarted: their end is told, and their containers start warm", async () => {
    const { driver, exits } = drivers.create([image], { timeouts });
    const before = await ready(driver, contained(image));
    await engine().restart();
    await until(() => exits.length > 0);
    expect(exits).toHaveLength(1);
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({ kind: "ready", started: true, work: { container: before.container } });
  });

  testWith(DOCKER, "says what it is and can do", async () => {
    const { driver } = drivers.create([image]);
    expect(await driver.lookAtEngine(signal)).toMatchObject({
      kind: "reachable",
      engineVersion: expect.stringMatching(/^\d+\.\d+/),
      apiVersion: expect.stringMatching(/^1\.\d+$/),
      injection: "nvidia-runtime",
      knowsNvidia: true,
      liveRestore: false,
      seccomp: true,
    });
  });
});
