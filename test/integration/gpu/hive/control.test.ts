import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../../src/config/load.ts";
import { HiveControl } from "../../../../src/gpu/hive/control.ts";
import { findNvtool } from "../../../../src/gpu/hive/tool.ts";
import { openPowerTool, powerToolChecks } from "../../../../src/gpu/power-tool.ts";
import type { GpuControl } from "../../../../src/gpu/source.ts";
import { runCheck } from "../../../../src/lib/check.ts";
import { createLogger, silentLogger } from "../../../../src/lib/logger.ts";
import { Tuner } from "../../../../src/rig/tuner.ts";
import { watts } from "../../../../src/units/energy.ts";
import { seconds } from "../../../../src/units/time.ts";
import { runTool } from "../../../../src/workloads/tool-run.ts";
import { FakeNvtool } from "../../../support/fake-nvtool.ts";
import { GPU_A, GPU_B, T0 } from "../../../support/ledger-rows.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { openMemoryLedger } from "../../../support/memory-ledger.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";
import { until } from "../../../support/until.ts";

const { signal } = new AbortController();
let tool: FakeNvtool;
beforeEach(() => {
  tool = new FakeNvtool();
});
afterEach(() => tool[Symbol.dispose]());

const GPUS = [GPU_A, GPU_B].map((uuid, index) => ({ uuid, index, name: "card" }));
function control(driver?: Pick<GpuControl, "readSettings">): HiveControl {
  const file = findNvtool("/nonexistent", process.env.PATH);
  if (file === undefined) throw new Error("no nvtool");
  return new HiveControl({ tool: file, run: runTool, gpus: () => Promise.resolve(GPUS), driver });
}
const locked = (mhz: number) => ({ domain: "graphics", lowestMhz: mhz, highestMhz: mhz }) as const;

describe("Hive OS's own tool", () => {
  test("is told the GPU by its index, and one thing at a time", async () => {
    const hive = control();
    expect(await hive.setPowerLimit(GPU_B, watts(219.6), signal)).toEqual({ kind: "done" });
    expect(await hive.lockClocks(GPU_A, locked(1400), signal)).toEqual({ kind: "done" });
    expect(await hive.lockClocks(GPU_A, { ...locked(5001), domain: "memory" }, signal)).toEqual({ kind: "done" });
    expect(await hive.readSettings(GPU_A, signal)).toEqual({ graphicsLockMhz: 1400, memoryLockMhz: 5001 });
    expect(await hive.resetClocks(GPU_A, "graphics", signal)).toEqual({ kind: "done" });
    expect(await hive.resetClocks(GPU_A, "memory", signal)).toEqual({ kind: "done" });
    expect(tool.settings).toEqual([
      "-i 1 --setpl 220",
      "-i 0 --setclocks 1400",
      "-i 0 --setmem 5001",
      "-i 0 --setclocks 0",
      "-i 0 --setmem 0",
    ]);
    expect(await hive.readSettings(GPU_A, signal)).toEqual({ graphicsLockMhz: 0, memoryLockMhz: 0 });
  });

  test.each([
    ["not by this card", { exitCode: 3 }, { kind: "refused", reason: "not-supported" }],
    ["not by this user", { exitCode: 1, says: "You must be root" }, { kind: "refused", reason: "no-permission" }],
    ["for another reason", { exitCode: 7 }, { kind: "failed", returnCode: 7 }],
  ])("that sets nothing says so: %s", async (_title, fails, expected) => {
    tool.follow({ fails });
    expect(await control().setPowerLimit(GPU_A, watts(200), signal)).toEqual(expected);
  });

  test("that does not tell what is locked locks nothing: it could not be set back", async () => {
    tool.follow({ fails: { exitCode: 1 } });
    expect(await control().lockClocks(GPU_A, locked(1400), signal)).toMatchObject({ kind: "refused" });
    expect(tool.calls).toEqual(["-i 0 --getclocks"]);
  });

  test.each([
    ["a range", { domain: "graphics", lowestMhz: 200, highestMhz: 1400 }],
    ["0, its word for none", { domain: "memory", lowestMhz: 0, highestMhz: 0 }],
    ["half a megahertz", { domain: "graphics", lowestMhz: 1400.5, highestMhz: 1400.5 }],
  ] as const)("is never asked for %s", async (_title, lock) => {
    expect(await control().lockClocks(GPU_A, lock, signal)).toEqual({ kind: "refused", reason: "out-of-range" });
    for (const limit of [0, -5, Number.NaN, 1e6])
      expect(await control().setPowerLimit(GPU_A, watts(limit), signal)).toMatchObject({ reason: "out-of-range" });
    expect(tool.calls).toEqual([]);
  });

  test("is not run for a GPU that is not there, nor for somebody who gave up", async () => {
    expect(await control().setPowerLimit("GPU-none", watts(200), signal)).toEqual({ kind: "unavailable" });
    await expect(control().setPowerLimit(GPU_A, watts(200), AbortSignal.abort(new Error("late")))).rejects.toThrow(
      "late",
    );
    expect(tool.calls).toEqual([]);
  });

  test("that hangs is killed when its caller gives up, and what is restored next stays", async () => {
    tool.follow({ hangs: true });
    const hive = control();
    const givenUp = new AbortController();
    const hung = hive.setPowerLimit(GPU_A, watts(150), givenUp.signal);
    const queued = hive.setPowerLimit(GPU_A, watts(160), givenUp.signal);
    await until(() => tool.calls.length === 1);
    givenUp.abort(new Error("too late"));
    await expect(hung).rejects.toThrow("too late");
    await expect(queued).rejects.toThrow("too late");
    tool.follow({});
    expect(await hive.setPowerLimit(GPU_A, watts(300), signal)).toEqual({ kind: "done" });
    expect(tool.settings).toEqual(["-i 0 --setpl 300"]);
    expect(tool.calls).toEqual(["-i 0 --setpl 150", "-i 0 --setpl 300"]);
  });
});

testWith(compiler, "a limit that the driver does not show afterwards is not believed", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 100", "gpu 0 limit 350"]);
  const { uuid } = nvml.info(0);
  const hive = openPowerTool("auto", {
    ...nvml,
    env: process.env,
    logger: silentLogger,
    run: runTool,
    hive: tool.hive,
  });
  tool.follow({ library: nvml.standIn.library });
  expect(await hive?.setPowerLimit(uuid, watts(200), signal)).toEqual({ kind: "done" });
  expect(await hive?.readSettings(uuid, signal)).toMatchObject({ powerLimit: 200, graphicsLockMhz: 0 });
  tool.follow({ library: nvml.standIn.library, mostW: 180 });
  expect(await hive?.setPowerLimit(uuid, watts(190), signal)).toEqual({ kind: "unavailable" });
});

testWith(compiler, "a profile is set by Hive OS's tool, and what Hive OS had set is set back", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 100", "gpu 0 limit 350"]);
  tool.follow({ library: nvml.standIn.library, locked: { 0: [1300, 0] } });
  const { uuid } = nvml.info(0);
  const ledger = openMemoryLedger(new ManualClock(T0));
  const way = openPowerTool("auto", { ...nvml, env: process.env, logger: silentLogger, run: runTool, hive: tool.hive });
  const profile = {
    role: "hashing",
    powerLimit: watts(220),
    graphicsMhz: 1500,
    memoryMhz: 5001,
    mayRaise: false,
  } as const;
  const tunerOf = () =>
    new Tuner({
      gpu: uuid,
      clock: new ManualClock(T0),
      control: way,
      profiles: [profile],
      ledger,
      logger: silentLogger,
    });
  await tunerOf().apply("hashing", signal);
  expect(tool.settings).toEqual(["-i 0 --setpl 220", "-i 0 --setclocks 1500", "-i 0 --setmem 5001"]);
  expect((await nvml.read(0)).powerLimit).toBe(220);
  // The agent was killed: the next one finds on disk what Hive OS had set.
  const next = tunerOf();
  await next.restore(signal);
  expect(tool.settings.slice(3)).toEqual(["-i 0 --setpl 350 --setclocks 1300 --setmem 0"]);
  expect((await nvml.read(0)).powerLimit).toBe(350);
  expect([next.isApplied, ledger.foundSettings.of(uuid)]).toEqual([false, undefined]);
  expect(nvml.standIn.calls("nvmlDeviceSetPowerManagementLimit"), "the driver was not told behind its back").toBe(0);
  ledger.close();
});

describe("the way that limits and clocks are set", () => {
  const driver: GpuControl = {
    readSettings: () => Promise.resolve({}),
    setPowerLimit: () => Promise.resolve({ kind: "done" }),
    lockClocks: () => Promise.resolve({ kind: "done" }),
    resetClocks: () => Promise.resolve({ kind: "done" }),
  };
  const source = { control: driver, list: () => Promise.resolve(GPUS) };
  const log: string[] = [];
  const logger = createLogger("warn", (line) => log.push(line));
  const bare = { PATH: "/nonexistent" };
  let empty: TemporaryDirectory;
  beforeEach(() => {
    empty = new TemporaryDirectory();
    log.length = 0;
  });
  afterEach(() => empty[Symbol.dispose]());
  const wayOf = (
    choice: Parameters<typeof openPowerTool>[0],
    hive: string,
    env: Record<string, string | undefined>,
  ) => {
    const way = openPowerTool(choice, { source, env, logger, run: runTool, hive });
    if (way === undefined) return "nothing";
    return way === driver ? "driver" : "hive";
  };
  const checkOf = (choice: string, hive: string, env: Record<string, string | undefined>) => {
    const { power } = parseConfig(
      { version: 1, power: { tool: choice, profiles: [{ role: "hashing" }] } },
      "test",
      "/",
    );
    const [check] = powerToolChecks(power, env, hive);
    return check && runCheck(check, signal, seconds(1));
  };

  test.each([
    { choice: "auto", on: "another system", hive: false, tool: true, way: "driver", level: "ok" },
    { choice: "auto", on: "Hive OS", hive: true, tool: true, way: "hive", level: "ok" },
    { choice: "auto", on: "Hive OS without its tool", hive: true, tool: false, way: "driver", level: "warn" },
    { choice: "nvml", on: "Hive OS", hive: true, tool: true, way: "driver", level: "warn" },
    { choice: "nvml", on: "another system", hive: false, tool: false, way: "driver", level: "ok" },
    { choice: "hive", on: "another system with the tool", hive: false, tool: true, way: "hive", level: "ok" },
    { choice: "hive", on: "Hive OS without its tool", hive: true, tool: false, way: "nothing", level: "fail" },
    { choice: "off", on: "Hive OS", hive: true, tool: true, way: "nothing", level: "warn" },
  ] as const)("for $choice on $on is $way", async ({ choice, hive, tool: hasTool, way, level }) => {
    const folder = hive ? empty.path : "/nonexistent";
    const env = hasTool ? { PATH: process.env.PATH } : bare;
    expect(wayOf(choice, folder, env)).toBe(way);
    expect(await checkOf(choice, folder, env)).toMatchObject({ level });
    expect(log.join("").includes("nvtool is not there")).toBe(way !== "hive" && !hasTool && hive);
  });

  test("is found in Hive OS's own folder where PATH does not name it", () => {
    expect(findNvtool(empty.path, "/nonexistent")).toBeUndefined();
    empty.write("sbin/nvtool", "#!/bin/sh\n");
    expect(findNvtool(empty.path, "/nonexistent"), "not one that may not be run").toBeUndefined();
  });

  test("is not asked about where there are no profiles", () => {
    expect(powerToolChecks({ tool: "auto", profiles: [] }, bare)).toEqual([]);
  });
});
