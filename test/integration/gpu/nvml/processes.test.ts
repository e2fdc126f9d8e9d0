import { expect } from "vitest";
import { millis } from "../../../../src/units/time.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler, type Missing } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";

const PROGRAMS = ["gpu 0 process 4711 1100", "gpu 0 process 4712 200", "gpu 0 process 4713 3"];
const FOUND = [
  { pid: 4711, usedMiB: 1100 },
  { pid: 4712, usedMiB: 200 },
  { pid: 4713, usedMiB: 3 },
];

const LAYOUTS = [
  ["the second version of the call first", [], [], 1, 0],
  ["the third version where the second is missing", ["WITHOUT_PROCESSES_V2"], [], 0, 1],
  [
    "the third version in its wide layout with a driver that writes it",
    ["WITHOUT_PROCESSES_V2", "PROCESSES_V3_OF_32_BYTES"],
    ["driver 535.54.03"],
    0,
    1,
  ],
  [
    "the second version with that driver too, which writes it as ever",
    ["PROCESSES_V3_OF_32_BYTES"],
    ["driver 535.86.05"],
    1,
    0,
  ],
] as const satisfies [string, Missing[], string[], number, number][];

for (const [title, missing, lines, second, third] of LAYOUTS)
  testWith(compiler, `programs are listed by ${title}`, async () => {
    await using nvml = await OpenedNvml.open([...PROGRAMS, ...lines], { missing });
    expect((await nvml.read()).processes).toEqual(FOUND);
    expect(nvml.standIn.calls("nvmlDeviceGetComputeRunningProcesses_v2")).toBe(second);
    expect(nvml.standIn.calls("nvmlDeviceGetComputeRunningProcesses_v3")).toBe(third);
  });

testWith(compiler, "the wide layout is not expected of the driver that took it back", async () => {
  const missing = ["WITHOUT_PROCESSES_V2"] as const;
  await using nvml = await OpenedNvml.open([...PROGRAMS, "driver 535.98"], { missing });
  expect((await nvml.read()).processes).toEqual(FOUND);
});

testWith(compiler, "process ids that no program can have are left out", async () => {
  const lines = ["gpu 0 process 0 5", "gpu 0 process 4294967295 5", "gpu 0 process 1 5"];
  await using nvml = await OpenedNvml.open(lines);
  expect((await nvml.read()).processes).toEqual([{ pid: 1, usedMiB: 5 }]);
});

testWith(compiler, "memory that the driver does not know is absent, not sixteen exbibytes", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 process 4711"]);
  expect((await nvml.read()).processes).toEqual([{ pid: 4711 }]);
});

testWith(compiler, "a program that computes and draws is listed once", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 process 7 100", "gpu 0 graphics 7 100", "gpu 0 graphics 8 20"]);
  expect((await nvml.read()).processes).toEqual([
    { pid: 7, usedMiB: 100 },
    { pid: 8, usedMiB: 20, onlyDraws: true },
  ]);
});

testWith(compiler, "more programs than there was room for are all listed", async () => {
  const lines = Array.from({ length: 200 }, (_, index) => `gpu 0 process ${1000 + index} 1`);
  await using nvml = await OpenedNvml.open(lines);
  expect((await nvml.read()).processes).toHaveLength(200);
});

testWith(compiler, "programs come and go between two readings, and none is an empty list", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 1", "@10 gpu 0 process 7 100", "@20 gpu 0 exit 7"]);
  expect((await nvml.read()).processes).toEqual([]);
  await nvml.at(10);
  expect((await nvml.read()).processes).toEqual([{ pid: 7, usedMiB: 100 }]);
  await nvml.at(20);
  expect((await nvml.read()).processes).toEqual([]);
});

testWith(compiler, "a driver that tells no programs leaves the list absent, not empty", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 1", "refuse nvmlDeviceGetComputeRunningProcesses_v2 3"]);
  const reading = await nvml.read();
  expect(reading.health).toBe("ok");
  expect(reading).not.toHaveProperty("processes");
});

const SHARED = [...PROGRAMS, "gpu 0 sm 4711 60", "gpu 0 sm 4712 25"];
const SHARES = "nvmlDeviceGetProcessUtilization";

testWith(compiler, "each program has its share of the cores, and one at rest has none", async () => {
  await using nvml = await OpenedNvml.open(SHARED);
  expect((await nvml.read()).processes).toEqual([
    { pid: 4711, usedMiB: 1100, smUtilizationPercent: 60 },
    { pid: 4712, usedMiB: 200, smUtilizationPercent: 25 },
    { pid: 4713, usedMiB: 3 },
  ]);
});

testWith(compiler, "shares are of the samples since the last look; where there is none they are absent", async () => {
  await using nvml = await OpenedNvml.open([...SHARED, "@150 gpu 0 sm 4711 30", "@250 gpu 0 sm 4712 0"]);
  const shares = async () => (await nvml.read()).processes?.map(({ smUtilizationPercent }) => smUtilizationPercent);
  expect(await shares()).toEqual([60, 25, undefined]);
  await nvml.at(50);
  expect(await shares()).toEqual([undefined, undefined, undefined]);
  await nvml.at(200);
  expect(await shares()).toEqual([30, 25, undefined]);
  await nvml.at(300);
  expect(await shares()).toEqual([30, undefined, undefined]);
});

testWith(
  compiler,
  "shares are asked for once a second, however often the GPU is read, and kept in between",
  async () => {
    await using nvml = await OpenedNvml.open(SHARED, { parts: { slowEvery: millis(1000) } });
    for (let time = 0; time < 3000; time += 100) {
      await nvml.at(time);
      expect((await nvml.read()).processes?.[0]).toEqual({ pid: 4711, usedMiB: 1100, smUtilizationPercent: 60 });
    }
    expect(nvml.standIn.calls(SHARES)).toBe(3);
  },
);

testWith(compiler, "shares are not asked for on an empty GPU, nor on one that is split (MIG)", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 1", "gpu 1 mig on", "gpu 1 process 7 9", "gpu 1 sm 7 9"]);
  expect((await nvml.read(0)).processes).toEqual([]);
  expect((await nvml.read(1)).processes).toEqual([{ pid: 7, usedMiB: 9 }]);
  expect(nvml.standIn.calls(SHARES)).toBe(0);
});

for (const code of [3, 6, 999])
  testWith(
    compiler,
    `a driver that answers ${code} leaves the shares absent, and the programs are listed`,
    async () => {
      await using nvml = await OpenedNvml.open([...SHARED, `refuse ${SHARES} ${code}`]);
      expect((await nvml.read()).processes).toEqual(FOUND);
    },
  );

testWith(compiler, "more shares than there was room for are all told, and impossible ones are left out", async () => {
  const lines = Array.from({ length: 100 }, (_, at) => [`gpu 0 process ${1000 + at} 1`, `gpu 0 sm ${1000 + at} 1`]);
  await using nvml = await OpenedNvml.open([...lines.flat(), "gpu 0 sm 1000 4294967040", "gpu 0 sm 0 5"]);
  const { processes = [] } = await nvml.read();
  expect(processes.filter(({ smUtilizationPercent }) => smUtilizationPercent === 1)).toHaveLength(99);
  expect(processes[0]).toEqual({ pid: 1000, usedMiB: 1 });
  expect(nvml.standIn.calls(SHARES)).toBe(2);
});
