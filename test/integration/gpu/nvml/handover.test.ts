import { expect } from "vitest";
import { openNvml } from "../../../../src/gpu/nvml/source.ts";
import { createLogger } from "../../../../src/lib/logger.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { HANGS_FOR_SURE, hangOf, readIntoHang } from "../../../support/nvml/hang.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler, NvmlStandIn } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";

const { signal } = new AbortController();
const TWO = ["gpu 0 power 100", "gpu 1 power 200"];

testWith(
  compiler,
  "a GPU that was lost while another one hung is found again although that one still hangs",
  async () => {
    await using nvml = await OpenedNvml.open(TWO);
    const { epoch } = await nvml.read(1);
    nvml.standIn.adds(hangOf(0), "gpu 1 state lost");
    expect((await readIntoHang(nvml)).map(({ health }) => health)).toEqual(["unknown", "lost"]);
    nvml.standIn.says(...TWO, hangOf(0));
    await nvml.read(1);
    await nvml.clock.advance(3000);
    expect(await nvml.read(1)).toMatchObject({ health: "ok", power: 200, epoch });
    expect((await nvml.read(0)).health).toBe("unknown");
    nvml.standIn.says(...TWO);
  },
);

testWith(compiler, "a GPU whose hung call ends with its loss is looked for until it comes back", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  const { epoch } = await nvml.read(0);
  nvml.standIn.adds(hangOf(0));
  await readIntoHang(nvml);
  nvml.standIn.says(...TWO, "gpu 0 state lost");
  await until(async () => (await nvml.read(0)).health === "lost");
  for (let time = 0; time < 5; time++) {
    await nvml.clock.advance(HANGS_FOR_SURE);
    expect((await nvml.read(0)).health).toBe("lost");
  }
  nvml.standIn.says(...TWO);
  await nvml.clock.advance(10_000);
  expect(await nvml.read(0)).toMatchObject({ health: "ok", power: 100, epoch });
});

testWith(
  compiler,
  "while one GPU hangs the others are asked for by their bus, and not by a place that may have moved",
  async () => {
    await using nvml = await OpenedNvml.open(["gpu 0 uuid GPU-a", "gpu 1 uuid GPU-b", ...TWO]);
    nvml.standIn.adds(hangOf(0));
    const byIndex = nvml.standIn.calls("nvmlDeviceGetHandleByIndex_v2");
    expect((await readIntoHang(nvml))[1]).toMatchObject({ health: "ok", power: 200 });
    expect(nvml.standIn.calls("nvmlDeviceGetHandleByIndex_v2")).toBe(byIndex);
    nvml.standIn.says(...TWO);
  },
);

testWith(compiler, "a driver that cannot be asked by bus is asked by index, never for the GPU that hangs", async () => {
  await using nvml = await OpenedNvml.open(TWO, { missing: ["WITHOUT_HANDLE_BY_BUS_ID"] });
  nvml.standIn.adds(hangOf(0), "hang nvmlDeviceGetHandleByIndex_v2 0");
  expect((await readIntoHang(nvml))[1]).toMatchObject({ health: "ok", power: 200 });
  nvml.standIn.says(...TWO);
});

testWith(compiler, "the epoch after a reset outlives the thread in which it began", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1500 gpu 1 energy 0"]);
  await nvml.at(1000);
  const first = await nvml.read(1);
  await nvml.at(2000);
  const { epoch } = await nvml.read(1);
  expect(epoch).not.toBe(first.epoch);
  nvml.standIn.adds(hangOf(0));
  expect((await readIntoHang(nvml))[1]).toMatchObject({ health: "ok", epoch });
  nvml.standIn.says(...TWO, "@1500 gpu 1 energy 0");
  await until(async () => (await nvml.read(0)).health === "ok");
  expect((await nvml.read(1)).epoch).toBe(epoch);
});

testWith(compiler, "a counter that fell while no session looked at it begins another epoch", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  await nvml.at(2000);
  const { epoch } = await nvml.read(0);
  nvml.standIn.adds(hangOf(0));
  await readIntoHang(nvml);
  nvml.standIn.says(...TWO, "@2000 gpu 0 energy 5");
  await until(async () => (await nvml.read(0)).health === "ok");
  const after = await nvml.read(0);
  expect(after).toMatchObject({ energy: 5 });
  expect(after.epoch).not.toBe(epoch);
});

testWith(
  compiler,
  "a GPU that is lost when the agent starts is missing with its index and code, and listed once it answers",
  async () => {
    const lines: string[] = [];
    const logger = createLogger("info", (line) => lines.push(line));
    await using nvml = await OpenedNvml.open([...TWO, "@0 gpu 0 state lost", "@5000 gpu 0 state ok"], {
      parts: { logger },
    });
    expect(nvml.infos.map(({ index }) => index)).toEqual([1]);
    expect(nvml.source.missing).toEqual([{ index: 0, returnCode: 15 }]);
    expect(lines.join("")).toContain("a GPU that does not answer index=0 returnCode=15");
    for (let time = 500; time <= 20_000; time += 500) {
      await nvml.at(time);
      expect((await nvml.read(1)).health).toBe("ok");
    }
    const found = (await nvml.source.list(signal))[0];
    expect(found).toMatchObject({ index: 0, uuid: "GPU-00000000-0000-0000-0000-000000000000", name: "Stand-in GPU" });
    expect(nvml.source.missing).toEqual([]);
    expect(found && (await nvml.source.read(found.uuid, signal))).toMatchObject({ health: "ok", power: 100 });
    expect(lines.join("")).toContain("answers index=0 uuid=GPU-00000000-0000-0000-0000-000000000000");
    expect(nvml.standIn.calls("nvmlInit_v2")).toBeLessThan(8);
  },
);

testWith(
  compiler,
  "a GPU that this container may not see is missing, and nobody waits for new sessions because of it",
  async () => {
    await using nvml = await OpenedNvml.open([...TWO, "refuse nvmlDeviceGetHandleByIndex_v2 4 0"]);
    expect(nvml.source.missing).toEqual([{ index: 0, returnCode: 4 }]);
    for (let time = 1000; time <= 10_000; time += 1000) {
      await nvml.at(time);
      await nvml.read(1);
    }
    expect(nvml.standIn.calls("nvmlInit_v2")).toBe(1);
  },
);

testWith(compiler, "a GPU that is lost later is lost, not missing", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 gpu 0 state lost"]);
  for (let time = 1000; time <= 4000; time += 1000) {
    await nvml.at(time);
    expect((await nvml.read(0)).health).toBe("lost");
  }
  expect(nvml.source.missing).toEqual([]);
});

testWith(compiler, "an only GPU that is lost is said to be counted and not to answer", async () => {
  using standIn = new NvmlStandIn(["gpu 0 power 100", "gpu 0 state lost"]);
  const opened = openNvml({ clock: new ManualClock(), library: standIn.library });
  await expect(opened).rejects.toMatchObject({
    message: "the NVIDIA driver counts 1 and none answers (GPU 0: NVML return code 15)",
    facts: { code: "ERR_GPU_NVML_UNAVAILABLE", missing: 1, mend: expect.stringContaining("reset") },
  });
  expect(standIn.leftOpen().sessions).toBe(0);
});
