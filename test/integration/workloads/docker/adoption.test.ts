import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect } from "vitest";
import type { Clock } from "../../../../src/lib/clock.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { createLogger } from "../../../../src/lib/logger.ts";
import { millis, seconds } from "../../../../src/units/time.ts";
import type { RunningWork } from "../../../../src/workloads/driver.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";
import { ask, contained, Drivers, ready, script, signal } from "./harness.ts";

const GPU = "GPU-11111111-2222-3333-4444-555555555555";
const engine = useEngine();
const drivers = new Drivers(engine);
let image: string;
beforeAll(async () => {
  if (DOCKER.present()) image = await engine().image("base");
});

describe("a driver in place of one that is gone", () => {
  testWith(DOCKER, "takes over running work as it is, and reaches it", async () => {
    const first = drivers.create([image]);
    const before = await ready(first.driver, contained(image));
    const { started } = await ask(before);
    await first.driver.close();
    const { driver, exits } = drivers.create([image]);
    expect(await driver.adopt(signal)).toMatchObject([
      { name: "engine", role: "engine", gpus: ["CPU-test"], state: "running", container: before.container },
    ]);
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({ kind: "ready", started: false, work: { facts: { backend: "cpu" } } });
    const work = readiness.kind === "ready" ? readiness.work : before;
    expect((await ask(work)).started).toBe(started);
    await ask(work, "/end");
    await until(() => exits.length > 0);
    expect(exits[0]?.reason).toBe("exit code 7: told to end");
  });

  testWith(DOCKER, "needs no adoption before it is asked for the work", async () => {
    const first = drivers.create([image]);
    const before = await ready(first.driver, contained(image));
    const second = drivers.create([image]);
    expect(await second.driver.ensureReady(contained(image), signal)).toMatchObject({ started: false });
    expect((await second.driver.find("engine", signal))?.container).toBe(before.container);
  });

  testWith(DOCKER, "finds frozen work frozen, and goes on with it where it stood", async () => {
    const first = drivers.create([image]);
    const before = await ready(first.driver, contained(image));
    const { started } = await ask(before);
    await first.driver.pause("engine", signal);
    await first.driver.close();
    const { driver } = drivers.create([image]);
    expect(await driver.adopt(signal)).toMatchObject([{ state: "paused" }]);
    const work = await ready(driver, contained(image));
    expect((await ask(work)).started).toBe(started);
  });

  testWith(DOCKER, "starts work anew whose announcement is lost", async () => {
    const first = drivers.create([image]);
    const before = await ready(first.driver, contained(image, "", { startTimeout: seconds(3) }));
    const { started } = await ask(before);
    await first.driver.close();
    const log = await engine().docker("inspect", "--format", "{{.LogPath}}", before.container ?? "");
    await promisify(execFile)("truncate", ["--size=0", log]);
    const { driver } = drivers.create([image]);
    const readiness = await driver.ensureReady(contained(image, "", { startTimeout: seconds(3) }), signal);
    expect(readiness).toMatchObject({ kind: "ready", started: true, work: { container: before.container } });
    const work = readiness.kind === "ready" ? readiness.work : before;
    expect((await ask(work)).started).toBeGreaterThan(started);
  });

  testWith(DOCKER, "tells of stopped work without starting it", async () => {
    const first = drivers.create([image]);
    await ready(first.driver, contained(image));
    await first.driver.stop("engine", signal);
    const { driver } = drivers.create([image]);
    expect(await driver.adopt(signal)).toMatchObject([{ name: "engine", state: "stopped", since: undefined }]);
    expect(await engine().docker("ps", "--quiet")).toBe("");
  });
});

describe("a container that is not ours", () => {
  const foreign = (...options: string[]) =>
    engine().docker("run", "--detach", "--entrypoint", "node", ...options, image, "-e", "setInterval(() => {}, 1e6)");

  testWith(DOCKER, "is neither found nor touched, whatever its labels say", async () => {
    const { driver } = drivers.create([image]);
    const { container = "" } = await ready(driver, contained(image));
    const labels = JSON.parse(await engine().docker("inspect", "--format", "{{json .Config.Labels}}", container));
    const copied = Object.entries(labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]);
    const copy = await foreign("--name", "copy", ...copied);
    const plain = await foreign();
    expect((await driver.adopt(signal)).map((work) => work.container)).toEqual([container]);
    await driver.stop("engine", signal);
    await driver.discard("engine", signal);
    const left = (await engine().docker("ps", "--quiet", "--no-trunc")).split("\n").sort();
    expect(left).toEqual([copy, plain].sort());
  });

  testWith(DOCKER, "but has our name is left alone, and said to be in the way", async () => {
    const { driver } = drivers.create([image]);
    const { container = "" } = await ready(driver, contained(image));
    const name = (await engine().docker("inspect", "--format", "{{.Name}}", container)).slice(1);
    await driver.discard("engine", signal);
    const stranger = await foreign("--name", name);
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({
      kind: "failed",
      code: "ERR_CONTAINER_NAME",
      mend: expect.stringContaining(name),
    });
    await expect(driver.stop("engine", signal)).rejects.toMatchObject({ facts: { code: "ERR_CONTAINER_NAME" } });
    expect(await engine().docker("ps", "--quiet", "--no-trunc")).toBe(stranger);
  });

  testWith(DOCKER, "because it is another rig's, is left to that rig", async () => {
    const other = drivers.create([image], { rig: "other" });
    const theirs = await ready(other.driver, contained(image));
    const { driver } = drivers.create([image]);
    expect(await driver.adopt(signal)).toEqual([]);
    await driver.stop("engine", signal);
    expect((await ask(theirs)).started).toBeGreaterThan(0);
  });
});

/** The system's clock, but the minute between probes, and the pause before a second one, are over at once. */
const hurried: Clock = {
  ...systemClock,
  wait: (length, stop) =>
    systemClock.wait(length === seconds(60) || length === seconds(5) ? millis(100) : length, stop),
};
const timeouts = { read: seconds(6), change: seconds(16), start: seconds(30) };

describe("a container that lost its GPU while it ran", () => {
  const withGpu = () =>
    script(image, "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e6)", {
      gpu: GPU,
      container: { gpus: [GPU] },
    });

  testWith(DOCKER, "is removed and its end told, so that the next start makes it anew", async () => {
    const { driver, exits } = drivers.create([image], { clock: hurried, timeouts });
    const before = await ready(driver, withGpu());
    await driver.probe("engine", ["nvidia-smi", "-L"], signal);
    engine().loseGpu(GPU);
    await until(() => exits.length > 0);
    expect(exits[0]).toMatchObject({ name: "engine", gpu: GPU, cause: "gpu-lost" });
    expect(await engine().docker("ps", "--all", "--quiet")).toBe("");
    const after = await ready(driver, withGpu());
    expect(after.container).not.toBe(before.container);
    expect(await driver.probe("engine", ["nvidia-smi", "-L"], signal)).toMatchObject({ code: 0 });
  });

  /** As the driver's device file: what anybody may open, or what the container's control group forbids. */
  const deviceOf = async ({ container = "" }: RunningWork, isLost: boolean) => {
    const pid = await engine().docker("inspect", "--format", "{{.State.Pid}}", container);
    const file = `/proc/${pid}/root/dev/nvidiactl`;
    rmSync(file, { force: true });
    execFileSync("mknod", ["-m", "666", file, "c", ...(isLost ? ["195", "255"] : ["1", "3"])]);
  };

  testWith(DOCKER, "is noticed by its device files where its image has no nvidia-smi", async () => {
    engine().givesSmi(false);
    try {
      const { driver, exits } = drivers.create([image], { clock: hurried, timeouts });
      const work = await ready(driver, withGpu());
      await deviceOf(work, false);
      expect(await driver.probe("engine", ["nvidia-smi", "-L"], signal)).toMatchObject({ code: 126 });
      await pause(1500);
      expect([exits, driver.blindSpots(GPU)]).toEqual([[], []]);
      await deviceOf(work, true);
      await until(() => exits.length > 0);
      expect(exits[0]).toMatchObject({ name: "engine", gpu: GPU, cause: "gpu-lost" });
      expect(exits[0]?.reason).toContain("operation not permitted");
    } finally {
      engine().givesSmi(true);
    }
  });

  testWith(DOCKER, "and of which nobody would notice it is told once, and named while it runs", async () => {
    engine().givesSmi(false);
    try {
      const log: string[] = [];
      const logger = createLogger("warn", (line) => log.push(line));
      const { driver, exits } = drivers.create([image], { clock: hurried, timeouts, logger });
      await ready(driver, withGpu());
      await until(() => driver.blindSpots(GPU).length > 0);
      await pause(1000);
      expect(driver.blindSpots(GPU)).toEqual([expect.stringContaining("put a shell or Node into its image")]);
      expect(driver.blindSpots("GPU-other")).toEqual([]);
      expect(log.filter((line) => line.includes("still has its GPU"))).toHaveLength(1);
      await driver.stop("engine", signal);
      expect([exits, driver.blindSpots(GPU)]).toEqual([[], []]);
    } finally {
      engine().givesSmi(true);
    }
  });

  testWith(DOCKER, "is asked the container's own way by the next agent too", async () => {
    const spec = withGpu();
    const gpuProbe = ["node", "-e", "process.exit(require('node:fs').existsSync('/tmp/lost') ? 5 : 0)"];
    const own = { ...spec, ...(spec.container ? { container: { ...spec.container, gpuProbe } } : {}) };
    const first = drivers.create([image]);
    await ready(first.driver, own);
    await first.driver.close();
    const { driver, exits } = drivers.create([image], { clock: hurried, timeouts });
    expect(await driver.adopt(signal)).toMatchObject([{ name: "engine", state: "running" }]);
    await pause(500);
    await driver.probe("engine", ["node", "-e", "require('node:fs').writeFileSync('/tmp/lost', '')"], signal);
    await until(() => exits.length > 0);
    expect(exits[0]).toMatchObject({ cause: "gpu-lost", reason: expect.stringContaining("exit code 5") });
  });

  testWith(DOCKER, "is told from one whose own probe is content", async () => {
    const { driver, exits } = drivers.create([image], { clock: hurried, timeouts });
    let probes = 0;
    const events = execFile("docker", ["--host", engine().host, "events", "--filter", "event=exec_start"]);
    events.stdout?.on("data", (chunk) => {
      probes += String(chunk).split("\n").length - 1;
    });
    const spec = withGpu();
    const gpuProbe = ["node", "-e", "0"];
    await ready(driver, { ...spec, ...(spec.container ? { container: { ...spec.container, gpuProbe } } : {}) });
    await until(() => probes >= 2);
    events.kill();
    await once(events, "exit");
    expect(exits).toEqual([]);
  });
});
