import { expect } from "vitest";
import { seconds } from "../../../../src/units/time.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler, type Missing } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";

const MACHINE = [
  "driver 535.154.05",
  "gpu 0 name NVIDIA GeForce RTX 4090",
  "gpu 0 uuid GPU-12345678-aaaa-bbbb-cccc-1234567890ab",
  "gpu 0 pci 00000000:0A:00.0",
  "gpu 0 vram 24564",
  "gpu 0 used 1200",
  "gpu 0 limit 450",
  "gpu 0 temperature 61",
  "gpu 0 fan 44",
  "gpu 0 utilization 97",
  "gpu 0 power 312.5",
  "gpu 0 process 4711 1100",
  "gpu 1 architecture 9",
  "gpu 1 mig on",
  "gpu 1 utilization 50",
];

testWith(compiler, "the inventory names every GPU as the driver does", async () => {
  await using nvml = await OpenedNvml.open(MACHINE);
  expect(nvml.source.kind).toBe("nvml");
  expect(nvml.source.driverVersion).toBe("535.154.05");
  expect(nvml.infos).toEqual([
    {
      uuid: "GPU-12345678-aaaa-bbbb-cccc-1234567890ab",
      index: 0,
      name: "NVIDIA GeForce RTX 4090",
      architecture: "Ada",
      pciBusId: "00000000:0A:00.0",
      vramTotalMiB: 24564,
      migEnabled: false,
    },
    expect.objectContaining({ index: 1, architecture: "Hopper", migEnabled: true }),
  ]);
});

testWith(compiler, "a reading holds every value in its unit, stamped by the agent's clock", async () => {
  await using nvml = await OpenedNvml.open(MACHINE);
  await nvml.at(2000);
  expect(await nvml.read()).toEqual({
    uuid: "GPU-12345678-aaaa-bbbb-cccc-1234567890ab",
    at: 1_760_000_002_000,
    monotonic: 2000,
    health: "ok",
    epoch: expect.stringMatching(/^[0-9a-f]{32}$/),
    power: 312.5,
    powerField: "instant",
    powerLimit: 450,
    energy: 625_000,
    energyBasis: "counter",
    utilizationPercent: 97,
    temperatureC: 61,
    fanPercent: 44,
    vramUsedMiB: 1200,
    processes: [{ pid: 4711, usedMiB: 1100 }],
    driverVersion: "535.154.05",
  });
});

testWith(compiler, "power and energy of one moment come from one call", async () => {
  await using nvml = await OpenedNvml.open(MACHINE);
  await nvml.read();
  await nvml.read();
  expect(nvml.standIn.calls("nvmlDeviceGetFieldValues")).toBe(2);
  expect(nvml.standIn.calls("nvmlDeviceGetPowerUsage")).toBe(0);
  expect(nvml.standIn.calls("nvmlDeviceGetTotalEnergyConsumption")).toBe(0);
});

testWith(compiler, "reads of one moment share one look at each GPU", async () => {
  await using nvml = await OpenedNvml.open(MACHINE);
  const [a, b] = await Promise.all([nvml.read(0), nvml.read(0), nvml.read(1)]);
  expect(b).toBe(a);
  expect(nvml.standIn.calls("nvmlDeviceGetFieldValues")).toBe(2);
});

testWith(compiler, "a sliced GPU tells no utilisation, because the driver's figure would be of the board", async () => {
  await using nvml = await OpenedNvml.open(MACHINE);
  const reading = await nvml.read(1);
  expect(reading).not.toHaveProperty("utilizationPercent");
  expect(nvml.standIn.calls("nvmlDeviceGetUtilizationRates")).toBe(0);
  expect(reading.health).toBe("ok");
});

const POWER_ORDER = [
  ["the instant power where the driver tells it", [], [], "instant"],
  ["the average where there is no instant one", ["gpu 0 field 186 3"], [], "average"],
  ["the plain power where neither is known", ["gpu 0 field 185 3", "gpu 0 field 186 2"], [], "draw"],
  ["the plain power where the driver has no field values", [], ["WITHOUT_FIELDS"], "draw"],
  ["no power where none can be told", ["hide nvmlDeviceGetPowerUsage"], ["WITHOUT_FIELDS"], undefined],
] as const satisfies [string, string[], Missing[], string | undefined][];

for (const [title, lines, missing, field] of POWER_ORDER)
  testWith(compiler, `takes ${title}, and says so`, async () => {
    await using nvml = await OpenedNvml.open(["gpu 0 power 120", ...lines], { missing });
    await nvml.at(1000);
    const reading = await nvml.read();
    expect(reading.powerField).toBe(field);
    expect(reading.power).toBe(field === undefined ? undefined : 120);
    expect(reading.energy).toBe(120_000);
  });

testWith(compiler, "energy comes from the older call where field 83 is refused", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 50", "gpu 0 field 83 3"]);
  await nvml.at(1000);
  expect(await nvml.read()).toMatchObject({ energy: 50_000, energyBasis: "counter" });
  expect(nvml.standIn.calls("nvmlDeviceGetTotalEnergyConsumption")).toBe(1);
});

testWith(compiler, "a card before Volta has no energy, and its reading does not pretend to one", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 50", "refuse nvmlDeviceGetTotalEnergyConsumption 3"], {
    missing: ["WITHOUT_FIELDS"],
  });
  await nvml.at(1000);
  const reading = await nvml.read();
  expect(reading).toMatchObject({ health: "ok", power: 50 });
  expect(reading).not.toHaveProperty("energy");
  expect(reading).not.toHaveProperty("energyBasis");
});

const LACKS = [
  ["WITHOUT_LIMIT", "powerLimit"],
  ["WITHOUT_FAN", "fanPercent"],
  ["WITHOUT_TEMPERATURE", "temperatureC"],
] as const;

for (const [missing, field] of LACKS)
  testWith(
    compiler,
    `a library ${missing.toLowerCase().replaceAll("_", " ")} leaves only ${field} absent`,
    async () => {
      await using nvml = await OpenedNvml.open(["gpu 0 power 50"], { missing: [missing] });
      const reading = await nvml.read();
      expect(reading).not.toHaveProperty(field);
      expect(reading).toMatchObject({ health: "ok", power: 50, vramUsedMiB: 0 });
    },
  );

testWith(compiler, "a library that knows neither architecture nor slices leaves both unknown", async () => {
  const missing = ["WITHOUT_ARCHITECTURE", "WITHOUT_MIG", "WITHOUT_HANDLE_BY_BUS_ID", "WITHOUT_EVENTS"] as const;
  await using nvml = await OpenedNvml.open(["gpu 0 power 50"], { missing });
  expect(nvml.info()).not.toHaveProperty("architecture");
  expect(nvml.info()).not.toHaveProperty("migEnabled");
  expect((await nvml.read()).power).toBe(50);
});

const REFUSED = [
  ["nvmlDeviceGetFanSpeed", "fanPercent", 3],
  ["nvmlDeviceGetTemperature", "temperatureC", 999],
  ["nvmlDeviceGetUtilizationRates", "utilizationPercent", 3],
  ["nvmlDeviceGetEnforcedPowerLimit", "powerLimit", 4],
] as const;

for (const [name, field, code] of REFUSED)
  testWith(compiler, `${name} answering ${code} leaves ${field} absent`, async () => {
    await using nvml = await OpenedNvml.open(["gpu 0 power 50", `refuse ${name} ${code}`]);
    const reading = await nvml.read();
    expect(reading).not.toHaveProperty(field);
    expect(reading).toMatchObject({ health: "ok", power: 50 });
  });

testWith(compiler, "memory is read by the older call where the newer is unknown", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 vram 8192", "gpu 0 used 512"], { missing: ["WITHOUT_MEMORY_V2"] });
  expect(nvml.info().vramTotalMiB).toBe(8192);
  expect((await nvml.read()).vramUsedMiB).toBe(512);
});

testWith(compiler, "a GPU below freezing has a temperature below zero", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 temperature -7"]);
  expect((await nvml.read()).temperatureC).toBe(-7);
});

testWith(compiler, "a counter beyond a safe integer is absent, never rounded", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 50", "gpu 0 energy 9007199254740993"]);
  const reading = await nvml.read();
  expect(reading.power).toBe(50);
  expect(reading).not.toHaveProperty("energy");
});

testWith(compiler, "the largest safe counter is read to the millijoule", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 energy 9007199254740991"]);
  expect((await nvml.read()).energy).toBe(Number.MAX_SAFE_INTEGER);
});

testWith(compiler, "the counter is the integral of a pulsing load, seen at its own tick", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 pulse 100 30 300 0.5", "@1000 gpu 0 power 200", "gpu 0 tick 20"]);
  await nvml.at(1000);
  expect((await nvml.read()).energy).toBe(165_000);
  await nvml.at(1519);
  expect((await nvml.read()).energy).toBe(165_000 + 500 * 200);
});

testWith(compiler, "limit, temperature and fan are read once a second, the rest each time", async () => {
  const second = { slowEvery: seconds(1) };
  await using nvml = await OpenedNvml.open(["gpu 0 fan 10", "@500 gpu 0 fan 20", "@500 gpu 0 used 9"], {
    parts: second,
  });
  expect((await nvml.read()).fanPercent).toBe(10);
  await nvml.at(999);
  expect(await nvml.read()).toMatchObject({ fanPercent: 10, vramUsedMiB: 9 });
  await nvml.at(1000);
  expect((await nvml.read()).fanPercent).toBe(20);
});

testWith(compiler, "a GPU that the rig does not have is a fault with its mend", async () => {
  await using nvml = await OpenedNvml.open(MACHINE);
  const { signal } = new AbortController();
  await expect(nvml.source.read("GPU-none", signal)).rejects.toMatchObject({ facts: { code: "ERR_GPU_UNKNOWN" } });
});

testWith(compiler, "whoever asks no longer is not answered", async () => {
  await using nvml = await OpenedNvml.open(MACHINE);
  await expect(nvml.source.read(nvml.info().uuid, AbortSignal.abort())).rejects.toThrow("aborted");
  const later = new AbortController();
  const asked = nvml.source.read(nvml.info().uuid, later.signal);
  later.abort();
  await expect(asked).rejects.toThrow("aborted");
});
