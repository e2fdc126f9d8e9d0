import { expect, test } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import { createLogger } from "../../../../src/lib/logger.ts";
import { Engine } from "../../../../src/workloads/docker/engine.ts";
import { gpuProbeOf } from "../../../../src/workloads/docker/gpu-probe.ts";
import { runInside } from "../../../../src/workloads/docker/inside.ts";
import { ProbeRounds } from "../../../../src/workloads/docker/probe-rounds.ts";
import type { Unit } from "../../../../src/workloads/docker/units.ts";
import { ExecEngine } from "../../../support/exec-engine.ts";
import { GPU_A } from "../../../support/ledger-rows.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";

const { signal } = new AbortController();
const LISTED = { ExitCode: 0, output: `GPU 0: card (UUID: ${GPU_A})\n` };
const NONE = { ExitCode: 126 };

function engineAt({ socketPath }: ExecEngine): Engine {
  const nothing = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined } as const;
  return new Engine(() => ({ ...nothing, protocol: "http", socketPath }), systemClock);
}

/** Rounds over one unit of work on one GPU, and what they told. */
function rounds(docker: ExecEngine) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const losses: string[] = [];
  const unit: Unit = {
    name: "engine",
    role: "engine",
    gpus: [GPU_A],
    container: "c1",
    startedAt: "",
    probe: gpuProbeOf({ gpus: [GPU_A] }),
  };
  const watch = new ProbeRounds({
    engine: engineAt(docker),
    clock,
    logger: createLogger("info", (line) => lines.push(line)),
    units: () => [unit],
    onGpuLost: (_unit, loss) => {
      losses.push(loss);
      return Promise.resolve();
    },
    complain: (_name, error) => lines.push(String(error)),
  });
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  /** Time passes in steps, and calls are seen through. */
  const passUntil = (isTrue: () => boolean) =>
    until(async () => {
      if (!isTrue()) await clock.advance(20_000);
      return isTrue();
    }, 30_000);
  return { watch, clock, lines, losses, end, passUntil };
}

test("a container of which no way can tell is asked again ten minutes later, and its loss is noticed then", async () => {
  await using docker = await ExecEngine.start();
  const { watch, lines, losses, clock, end, passUntil } = rounds(docker);
  docker.end = () => NONE;
  await passUntil(() => watch.blindSpots(GPU_A).length === 1);
  expect(docker.asked).toEqual(["nvidia-smi", "sh", "node"]);
  await clock.advance(300_000);
  expect(docker.asked).toHaveLength(3);
  await passUntil(() => docker.asked.length === 6);
  docker.end = () => LISTED;
  await passUntil(() => watch.blindSpots(GPU_A).length === 0);
  expect(lines.filter((line) => line.includes("nobody can tell"))).toHaveLength(1);
  docker.end = () => ({ ExitCode: 9, output: "no devices" });
  await passUntil(() => losses.length > 0);
  expect(losses).toEqual(["no devices"]);
  await end();
});

test("a program whose end the Engine does not tell has told nothing: no GPU is lost", async () => {
  await using docker = await ExecEngine.start();
  const { losses, end, passUntil } = rounds(docker);
  docker.end = () => LISTED;
  await passUntil(() => docker.asked.length === 1);
  docker.end = () => ({ ExitCode: null });
  await passUntil(() => docker.asked.length >= 4);
  expect([losses, new Set(docker.asked)]).toEqual([[], new Set(["nvidia-smi"])]);
  await end();
});

test("an end is told only by an exit code of a program that no longer runs", async () => {
  await using docker = await ExecEngine.start();
  const engine = engineAt(docker);
  const ask = () => runInside(engine, "c1", ["nvidia-smi"], signal);
  docker.end = () => ({ ExitCode: null });
  expect(await ask()).toEqual({ kind: "untold" });
  docker.end = () => ({ ExitCode: 0, Running: true });
  expect(await ask()).toEqual({ kind: "untold" });
  docker.end = () => ({ ExitCode: 3, output: "out" });
  expect(await ask()).toEqual({ kind: "exited", code: 3, output: "out\n" });
});
