import { expect } from "vitest";
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
    { pid: 8, usedMiB: 20 },
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
