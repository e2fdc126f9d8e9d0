import { expect } from "vitest";
import { hangOf, readIntoHang } from "../../../support/nvml/hang.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";

const TWO = ["gpu 0 power 100", "gpu 1 power 200"];
const WAIT = "nvmlEventSetWait_v2";

const xidsOf = ({ events }: OpenedNvml): readonly unknown[] =>
  events.filter((event) => event.kind === "xid").map(({ uuid, xid }) => [Number(uuid.slice(-1)), xid]);

testWith(compiler, "an Xid is told with its GPU while it happens, and older ones are not", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "gpu 0 xid 13"]);
  nvml.standIn.adds("gpu 1 xid 79");
  await until(() => nvml.events.length > 0);
  expect(nvml.events).toEqual([{ kind: "xid", uuid: nvml.info(1).uuid, at: nvml.clock.now(), xid: 79 }]);
});

testWith(compiler, "Xids are told on after a new session", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 reload"]);
  await nvml.at(1000);
  await nvml.read(0);
  await nvml.at(3000);
  await nvml.read(0);
  nvml.standIn.adds("gpu 0 xid 48");
  await until(() => nvml.events.some((event) => event.kind === "xid" && event.xid === 48));
});

testWith(compiler, "a wait that fails is begun anew, for any answer of the driver", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  for (const code of [1, 999, 15]) {
    nvml.standIn.says(...TWO, `refuse ${WAIT} ${code}`);
    const registered = nvml.standIn.calls("nvmlDeviceRegisterEvents");
    await until(() => nvml.standIn.calls("nvmlDeviceRegisterEvents") > registered);
  }
  nvml.standIn.says(...TWO);
  const waits = nvml.standIn.calls(WAIT);
  await until(() => nvml.standIn.calls(WAIT) > waits + 2);
  nvml.standIn.adds("gpu 1 xid 79");
  await until(() => nvml.events.length > 0);
  expect(xidsOf(nvml)).toEqual([[1, 79]]);
});

testWith(compiler, "a wait that keeps failing is begun ever less often", async () => {
  const began = performance.now();
  await using nvml = await OpenedNvml.open([...TWO, `refuse ${WAIT} 999`]);
  await until(() => nvml.standIn.calls("nvmlEventSetCreate") >= 5);
  // 100, 200, 400 and 800 ms, each up to a fifth shorter or longer.
  expect(performance.now() - began).toBeGreaterThan(1190);
  expect(nvml.standIn.leftOpen().eventSets).toBeLessThanOrEqual(2);
});

testWith(compiler, "a driver that tells no events is not asked again", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "refuse nvmlDeviceRegisterEvents 3"]);
  await nvml.read();
  await nvml.source.close();
  expect(nvml.standIn.calls("nvmlEventSetCreate")).toBe(1);
  expect(nvml.standIn.calls(WAIT)).toBe(0);
  expect(nvml.standIn.leftOpen().eventSets).toBe(0);
});

testWith(compiler, "Xids of the others are told while one GPU is lost, before anything is read", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  const registered = nvml.standIn.calls("nvmlDeviceRegisterEvents");
  nvml.standIn.adds("gpu 0 state lost");
  await until(() => nvml.standIn.calls("nvmlDeviceRegisterEvents") === registered + 2);
  nvml.standIn.adds("gpu 1 xid 31");
  await until(() => nvml.events.length > 0);
  expect(xidsOf(nvml)).toEqual([[1, 31]]);
  expect(nvml.standIn.calls("nvmlInit_v2")).toBe(1);
});

for (let round = 0; round < 20; round++)
  testWith(compiler, `an Xid that comes ${4 * round} ms after another GPU was lost is told`, async () => {
    await using nvml = await OpenedNvml.open(TWO);
    nvml.standIn.adds("gpu 0 state lost");
    const began = performance.now();
    await until(() => performance.now() - began >= 4 * round);
    nvml.standIn.adds("gpu 1 xid 31");
    await until(() => nvml.events.length > 0);
    expect(new Set(xidsOf(nvml).map((one) => String(one)))).toEqual(new Set(["1,31"]));
  });

testWith(
  compiler,
  "while one GPU hangs, an Xid of another is told once, and nothing again when the call comes back",
  async () => {
    await using nvml = await OpenedNvml.open(TWO);
    nvml.standIn.adds(hangOf(0));
    await readIntoHang(nvml);
    nvml.standIn.adds("gpu 1 xid 43");
    await until(() => xidsOf(nvml).length > 0);
    nvml.standIn.says(...TWO, "gpu 1 xid 43");
    await until(async () => (await nvml.read(0)).health === "ok");
    nvml.standIn.adds("gpu 0 xid 8");
    await until(() => xidsOf(nvml).length > 1);
    expect(xidsOf(nvml)).toEqual([
      [1, 43],
      [0, 8],
    ]);
  },
);
