import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "vitest";
import { seconds } from "../../../../src/units/time.ts";
import { HANGS_FOR_SURE, readIntoHang } from "../../../support/nvml/hang.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler, NvmlStandIn } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";

const TWO = ["gpu 0 power 100", "gpu 1 power 200"];
const FIELDS = "nvmlDeviceGetFieldValues";

testWith(compiler, "a GPU that hangs in the driver becomes unknown within seconds, and the other is read", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  await nvml.at(1000);
  const { epoch } = await nvml.read(0);
  nvml.standIn.adds(`hang ${FIELDS} 0`);
  const [hung, other] = await readIntoHang(nvml);
  expect(hung).toEqual({
    uuid: nvml.info(0).uuid,
    at: expect.any(Number),
    monotonic: expect.any(Number),
    health: "unknown",
    epoch,
  });
  expect(other).toMatchObject({ health: "ok", energy: 200_000 });
  nvml.standIn.says(...TWO);
});

testWith(compiler, "no second call is stacked upon a hung one, however often the GPU is asked for", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  nvml.standIn.adds(`hang ${FIELDS} 0`);
  await readIntoHang(nvml);
  const calls = nvml.standIn.calls(FIELDS);
  for (let time = 0; time < 5; time++) {
    expect((await nvml.read(0)).health).toBe("unknown");
    expect((await nvml.read(1)).health).toBe("ok");
  }
  expect(nvml.standIn.calls(FIELDS)).toBe(calls + 5);
  expect(nvml.standIn.mostInside("nvmlDeviceGetName")).toBe(1);
  nvml.standIn.says(...TWO);
});

testWith(compiler, "a call that came back gives the GPU back", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  nvml.standIn.adds(`hang ${FIELDS} 0`);
  await readIntoHang(nvml);
  nvml.standIn.says(...TWO);
  await until(async () => (await nvml.read(0)).health === "ok");
  expect((await nvml.read(1)).health).toBe("ok");
  expect(nvml.standIn.leftOpen()).toEqual({ sessions: 1, eventSets: 1 });
  expect(nvml.events.map((event) => event.kind === "health" && event.health)).toEqual(["unknown", "ok"]);
});

testWith(compiler, "every GPU may hang, each in a thread of its own", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  nvml.standIn.adds(`hang ${FIELDS} 0`, `hang ${FIELDS} 1`);
  const reads = Promise.all([nvml.read(0), nvml.read(1)]);
  await until(() => nvml.standIn.calls(FIELDS) === 1);
  await nvml.clock.advance(HANGS_FOR_SURE);
  await until(() => nvml.standIn.calls(FIELDS) === 2);
  await nvml.clock.advance(HANGS_FOR_SURE);
  expect((await reads).map(({ health }) => health)).toEqual(["unknown", "unknown"]);
  nvml.standIn.says(...TWO);
  await until(async () => (await Promise.all([nvml.read(0), nvml.read(1)])).every(({ health }) => health === "ok"));
});

testWith(compiler, "slow calls are waited for as long as there is progress", async () => {
  await using nvml = await OpenedNvml.open([...TWO, `delay ${FIELDS} 60`]);
  const reads = Promise.all([nvml.read(0), nvml.read(1)]);
  await until(() => nvml.standIn.calls(FIELDS) === 2);
  await nvml.clock.advance(2000);
  expect((await reads).map(({ health }) => health)).toEqual(["ok", "ok"]);
});

testWith(compiler, "a slow driver does not hold the event loop up", async () => {
  await using nvml = await OpenedNvml.open([...TWO, `delay ${FIELDS} 100`]);
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 5);
  await nvml.read(0);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});

testWith(compiler, "a driver that hangs while it is asked for a new session comes back by itself", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 gpu 0 state lost", "@1500 gpu 0 state ok"]);
  await nvml.at(1000);
  await nvml.read(0);
  nvml.standIn.adds("hang nvmlInit_v2");
  await nvml.at(3000);
  const sessions = nvml.standIn.calls("nvmlInit_v2");
  const reads = Promise.all([nvml.read(0), nvml.read(1)]);
  await until(() => nvml.standIn.calls("nvmlInit_v2") > sessions);
  await nvml.clock.advance(HANGS_FOR_SURE);
  expect((await reads).map(({ health }) => health)).toEqual(["unknown", "unknown"]);
  expect((await nvml.read(1)).health).toBe("unknown");
  expect(nvml.standIn.calls("nvmlInit_v2")).toBe(sessions + 1);
  nvml.standIn.says(...TWO);
  await until(async () => (await nvml.read(1)).health === "ok");
});

testWith(compiler, "the agent ends with its own exit code although the driver never answers again", async () => {
  using standIn = new NvmlStandIn([...TWO, `hang ${FIELDS} 0`]);
  const child = join(import.meta.dirname, "../../../support/children/hung-nvml.ts");
  const running = spawn(process.execPath, [child, standIn.library], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  running.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const stuck = setTimeout(() => running.kill("SIGKILL"), seconds(60));
  const [code] = await once(running, "exit");
  clearTimeout(stuck);
  expect(said).toBe("unknown\n");
  expect(code).toBe(3);
});
