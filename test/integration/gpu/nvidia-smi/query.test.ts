import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openNvidiaSmi } from "../../../../src/gpu/nvidia-smi/open.ts";
import type { GpuReading, GpuSource } from "../../../../src/gpu/source.ts";
import type { GpuUuid } from "../../../../src/ledger/rows.ts";
import { createLogger } from "../../../../src/lib/logger.ts";
import { millis } from "../../../../src/units/time.ts";
import { FakeNvidiaSmi, isRunning, type SmiScript } from "../../../support/fake-nvidia-smi.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";

const A: GpuUuid = "GPU-aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const B: GpuUuid = "GPU-bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
const { signal } = new AbortController();
const logOf = (...uuids: readonly GpuUuid[]): string => {
  const gpus = uuids.map((uuid) => {
    const bus = `00000000:${uuid === A ? "0A" : "0B"}:00.0`;
    return `<gpu id="${bus}"><product_name>Example</product_name><uuid>${uuid}</uuid><processes></processes></gpu>`;
  });
  return `<nvidia_smi_log><driver_version>535.86.05</driver_version>${gpus.join("")}</nvidia_smi_log>`;
};
const row = (uuid: GpuUuid, cells: Readonly<Record<string, string>>) => ({
  uuid,
  "pci.bus_id": `00000000:${uuid === A ? "0A" : "0B"}:00.0`,
  ...cells,
});
const drawing = (uuid: GpuUuid, power: number) => row(uuid, { "power.draw.instant": String(power) });

/** A source over the script, closed at the end of the test, whatever its clock says. */
async function open(script: SmiScript) {
  const program = new FakeNvidiaSmi(script);
  const clock = new ManualClock();
  const lines: string[] = [];
  const logger = createLogger("info", (line) => lines.push(line));
  const source = await openNvidiaSmi({ clock, logger, period: millis(20) });
  if (source === undefined) throw new Error("no source");
  onTestFinished(async () => {
    await closeNow(source, clock);
    const left = program.queryStarts().filter(({ pid }) => isRunning(pid));
    program[Symbol.dispose]();
    expect(left).toEqual([]);
  });
  const running = () => program.queryStarts().filter(({ pid }) => isRunning(pid));
  return { program, clock, lines, source, running };
}

async function closeNow(source: GpuSource, clock: ManualClock): Promise<void> {
  let closed = false;
  const closing = source.close().then(() => {
    closed = true;
  });
  await until(async () => {
    await clock.advance(closed ? 0 : 100);
    return closed;
  });
  await closing;
}

async function readingWhere(source: GpuSource, uuid: GpuUuid, isRight: (reading: GpuReading) => boolean) {
  let reading = await source.read(uuid, signal);
  await until(async () => {
    reading = await source.read(uuid, signal);
    return isRight(reading);
  });
  return reading;
}

const xml = { stdout: logOf(A, B) };

test("readings come from one query that repeats itself, each with the field that its power came from", async () => {
  const cells = {
    "power.draw.instant": "[N/A]",
    "power.draw.average": "200.5",
    "power.draw": "200.5",
    "enforced.power.limit": "250.00",
    "temperature.gpu": "61",
    "fan.speed": "[N/A]",
    "utilization.gpu": "97",
    "memory.used": "8000",
  };
  const { source, program, clock } = await open({ xml, query: { rows: [drawing(A, 101.25), row(B, cells)] } });
  const a = await readingWhere(source, A, ({ power }) => power === 101.25);
  expect(a).toEqual({
    uuid: A,
    at: clock.now(),
    monotonic: clock.monotonic(),
    health: "ok",
    epoch: expect.stringMatching(/\/535\.86\.05$/),
    power: 101.25,
    powerField: "instant",
    processes: [],
    driverVersion: "535.86.05",
  });
  expect(await readingWhere(source, B, ({ power }) => power !== undefined)).toMatchObject({
    ...{ power: 200.5, powerField: "average", powerLimit: 250, temperatureC: 61 },
    ...{ utilizationPercent: 97, vramUsedMiB: 8000 },
  });
  expect(program.queryStarts().map(({ args }) => args.slice(1))).toEqual([
    ["--format=csv,noheader,nounits", "--loop-ms=20"],
  ]);
  expect(program.xmlStarts()).toHaveLength(1);
});

test("an old driver is asked for less until it knows every field", async () => {
  const knows = ["uuid", "pci.bus_id", "power.draw", "temperature.gpu", "fan.speed", "utilization.gpu", "memory.used"];
  const { source, program } = await open({ xml, query: { knows, rows: [row(A, { "power.draw": "55.5" })] } });
  expect(await readingWhere(source, A, ({ power }) => power !== undefined)).toMatchObject({
    power: 55.5,
    powerField: "draw",
  });
  const asked = program.queryStarts().map(({ args }) => args[0]?.slice("--query-gpu=".length).split(","));
  expect(asked.at(-1)).toEqual(knows);
  expect(asked).toHaveLength(6);
});

test("a driver that refuses without naming a field is asked for the least, and then waited for", async () => {
  const raw = "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n";
  const { program, lines } = await open({ xml, query: { raw, rounds: 0, exitCode: 2 } });
  await until(() => lines.some((line) => line.includes("Invalid combination")));
  expect(program.queryStarts().map(({ args }) => args[0])).toEqual([
    expect.stringContaining("power.draw.instant"),
    "--query-gpu=uuid,pci.bus_id,power.draw,temperature.gpu,fan.speed,memory.used",
  ]);
});

test("a GPU that is lost says so at once, without values, and the other goes on", async () => {
  const { source, program } = await open({ xml, query: { rows: [drawing(A, 100), drawing(B, 200)] } });
  await readingWhere(source, A, ({ power }) => power === 100);
  const gone = { "power.draw.instant": "[GPU is lost]", "temperature.gpu": "[GPU is lost]" };
  program.follow({ xml, query: { rows: [row(A, gone), drawing(B, 201)] } });
  const lost = await readingWhere(source, A, ({ health }) => health === "lost");
  expect(lost.power).toBeUndefined();
  expect(await readingWhere(source, B, ({ power }) => power === 201)).toMatchObject({ health: "ok" });
  program.follow({ xml, query: { rows: [drawing(A, 102), drawing(B, 202)] } });
  expect(await readingWhere(source, A, ({ power }) => power === 102)).toMatchObject({ health: "ok" });
});

test("a GPU that vanishes is unknown without values, and lost once the log has it no more", async () => {
  const { source, program, clock } = await open({ xml, query: { rows: [drawing(A, 100), drawing(B, 200)] } });
  await readingWhere(source, A, ({ power }) => power === 100);
  // A row of before may still be read in the first second, never in the second.
  for (const second of [1, 2, 3, 4, 5]) {
    program.follow({ xml: { stdout: logOf(B) }, query: { rows: [drawing(B, 200 + second)] } });
    await clock.advance(1000);
    await readingWhere(source, B, ({ power }) => power === 200 + second);
  }
  const silent = await source.read(A, signal);
  expect(silent).toEqual({
    uuid: A,
    at: clock.now(),
    monotonic: clock.monotonic(),
    health: "unknown",
    epoch: expect.any(String),
  });
  for (let second = 6; second <= 60; second += 1) {
    program.follow({ xml: { stdout: logOf(B) }, query: { rows: [drawing(B, 200 + second)] } });
    await clock.advance(1000);
    await readingWhere(source, B, ({ power }) => power === 200 + second);
  }
  await readingWhere(source, A, ({ health }) => health === "lost");
  expect((await source.list(signal)).map(({ uuid }) => uuid)).toEqual([A, B]);
  expect(program.xmlStarts()).toHaveLength(2);
  expect(program.queryStarts()).toHaveLength(1);
});

test("a query that falls silent is ended and started again; meanwhile nothing is read", async () => {
  const { source, program, clock, lines, running } = await open({
    xml,
    query: { rows: [drawing(A, 100)], rounds: 1, hangs: true, stubborn: true },
  });
  await readingWhere(source, A, ({ power }) => power === 100);
  const [first] = program.queryStarts();
  program.follow({ xml, query: { rows: [drawing(A, 150)] } });
  await clock.advance(3001);
  expect(await source.read(A, signal)).toMatchObject({ health: "unknown" });
  await until(() => lines.some((line) => line.includes("no reading for 3 s")));
  expect(running()).toEqual([]);
  expect(program.queryStarts()).toEqual([first]);
  await clock.advance(1200);
  await readingWhere(source, A, ({ power }) => power === 150);
  expect(running()).toHaveLength(1);
});

test("a query that dies is started again after growing pauses, and its last words are told once", async () => {
  const raw = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n";
  const { program, clock, lines, running } = await open({ xml, query: { raw, rounds: 0, exitCode: 9 } });
  await until(() => program.queryStarts().length === 1);
  for (const [index, pause] of [1000, 2000, 4000, 8000].entries()) {
    const before = clock.monotonic();
    await until(async () => {
      await clock.advance(20);
      return program.queryStarts().length === index + 2;
    });
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(0.8 * pause);
    expect(running().length).toBeLessThanOrEqual(1);
  }
  const told = lines.filter((line) => line.includes("couldn't communicate"));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("exit code 9");
});

test("a query that prints without end is ended", async () => {
  const raw = `${"x".repeat(99)}\n`.repeat(50_000);
  const { source, lines, running } = await open({ xml, query: { raw, rounds: 0, hangs: true } });
  await until(() => lines.some((line) => line.includes("prints without end")));
  expect(running()).toEqual([]);
  expect((await source.read(A, signal)).power).toBeUndefined();
});

test("garbage, headers and cut lines between readings are passed over", async () => {
  const raw = `uuid, pci.bus_id\n\u0000\u0007\n${A}, 00000000:0A:00.0, 12\n${"y".repeat(100_000)}\n,,,,\n`;
  const { source, program } = await open({ xml, query: { raw, rows: [drawing(A, 100)] } });
  await readingWhere(source, A, ({ power }) => power === 100);
  expect(program.queryStarts()).toHaveLength(1);
});

test("a log that hangs later leaves the readings going, and no second one is started", async () => {
  const { source, program, clock, lines } = await open({ xml, query: { rows: [drawing(A, 100)] } });
  await readingWhere(source, A, ({ power }) => power === 100);
  for (let second = 1; second <= 200; second += 1) {
    program.follow({ xml: { hangs: true }, query: { rows: [drawing(A, 100 + second)] } });
    await clock.advance(1000);
    await readingWhere(source, A, ({ power }) => power === 100 + second);
  }
  expect(program.xmlStarts()).toHaveLength(2);
  expect(lines.filter((line) => line.includes("ERR_NVIDIA_SMI_HUNG"))).toHaveLength(1);
  expect(await source.read(A, signal)).toMatchObject({ health: "ok", power: 300 });
});

test("a stubborn query is killed when the source closes, and a closed source refuses to read", async () => {
  const { source, clock, running } = await open({
    xml,
    query: { rows: [drawing(A, 100)], rounds: 1, hangs: true, stubborn: true },
  });
  await readingWhere(source, A, ({ power }) => power === 100);
  await closeNow(source, clock);
  expect(running()).toEqual([]);
  await expect(source.read(A, signal)).rejects.toMatchObject({ facts: { code: "ERR_NVIDIA_SMI_CLOSED" } });
  await expect(source.list(signal)).rejects.toMatchObject({ facts: { code: "ERR_NVIDIA_SMI_CLOSED" } });
});

test("a GPU that never was is refused, and an aborted read is an abort", async () => {
  const { source } = await open({ xml, query: { rows: [] } });
  const stranger: GpuUuid = "GPU-cccccccc-cccc-cccc-cccc-cccccccccccc";
  await expect(source.read(stranger, signal)).rejects.toMatchObject({ facts: { code: "ERR_GPU_UNKNOWN" } });
  await expect(source.read(A, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});

test("the epoch is that of the driver and the boot, the same for every source", async () => {
  const epochs: string[] = [];
  for (const _ of [1, 2]) {
    const { source, clock } = await open({ xml, query: { rows: [] } });
    epochs.push((await source.read(A, signal)).epoch);
    await closeNow(source, clock);
  }
  expect(epochs[0]).toBe(epochs[1]);
});

test("the query dies with the agent, even when the agent is killed", async () => {
  using program = new FakeNvidiaSmi({
    xml,
    query: { rows: [drawing(A, 100)], rounds: 1, hangs: true, stubborn: true },
  });
  const src = resolve(import.meta.dirname, "../../../../src");
  const code = `
    const { openNvidiaSmi } = await import("${src}/gpu/nvidia-smi/open.ts");
    const { systemClock } = await import("${src}/lib/clock.ts");
    await openNvidiaSmi({ clock: systemClock });
    setInterval(() => {}, 1000);`;
  const agent = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "ignore" });
  onTestFinished(() => void agent.kill("SIGKILL"));
  await until(() => program.queryStarts().length === 1);
  const [query] = program.queryStarts();
  expect(isRunning(query?.pid ?? 0)).toBe(true);
  agent.kill("SIGKILL");
  await once(agent, "exit");
  await until(() => !isRunning(query?.pid ?? 0));
});

test("letting go ends the programs and starts none until the driver is taken up again", async () => {
  const { source, clock, program, running } = await open({ xml, query: { rows: [drawing(A, 50), drawing(B, 60)] } });
  const { epoch } = await readingWhere(source, A, ({ power }) => power === 50);
  expect(await source.release?.()).toEqual({ kind: "released" });
  expect(running()).toEqual([]);
  const starts = program.starts().length;
  await clock.advance(200_000);
  expect(await source.list(signal)).toHaveLength(2);
  expect(await source.read(A, signal)).toEqual({
    ...{ uuid: A, at: clock.now(), monotonic: clock.monotonic() },
    ...{ health: "unknown", epoch },
  });
  expect(program.starts()).toHaveLength(starts);
  await source.resume?.();
  await source.resume?.();
  expect(await readingWhere(source, A, ({ power }) => power === 50)).toMatchObject({ health: "ok", epoch });
  expect(running()).toHaveLength(1);
});

test("a program that hangs in the driver keeps it in use, and that is told", async () => {
  const query = { rows: [drawing(A, 50), drawing(B, 60)] };
  const { source, clock, program } = await open({ xml, query });
  await readingWhere(source, A, ({ power }) => power === 50);
  program.follow({ xml: { hangs: true }, query });
  await clock.advance(61_000);
  await source.read(A, signal);
  await until(() => program.xmlStarts().length === 2);
  const outcomes: unknown[] = [];
  void source.release?.().then((outcome) => outcomes.push(outcome));
  await until(async () => {
    await clock.advance(outcomes.length === 0 ? 100 : 0);
    return outcomes.length > 0;
  });
  expect(outcomes).toEqual([{ kind: "held", gpus: [A, B] }]);
});
