import { expect, test } from "vitest";
import { openCpu } from "../../../src/gpu/cpu.ts";
import type { GpuSource } from "../../../src/gpu/source.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { watts } from "../../../src/units/energy.ts";
import { MachineTree } from "../../support/machine-tree.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const { signal } = new AbortController();
const model = { idle: watts(10), max: watts(60) };

async function open(machine: MachineTree, clock = new ManualClock(), fallbackId = "random") {
  const source = openCpu({ clock, model, fallbackId, files: machine.files });
  const [info] = await source.list(signal);
  if (!info) throw new Error("the source lists no CPU");
  const read = () => source.read(info.uuid, signal);
  return { source: source satisfies GpuSource, info, clock, read };
}

test("lists one device with the CPU's own name and no memory of its own", async () => {
  using machine = new MachineTree();
  const { source, info } = await open(machine);
  expect(source.kind).toBe("cpu");
  expect(info).toMatchObject({ index: 0, name: "Invented CPU @ 3.00GHz" });
  expect(info.vramTotalMiB).toBeUndefined();
});

test("the id is the machine's own after every start, and does not give the machine id away", async () => {
  using machine = new MachineTree();
  const first = await open(machine);
  const second = await open(machine, new ManualClock(), "another");
  expect(first.info.uuid).toMatch(/^CPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(second.info.uuid).toBe(first.info.uuid);
  expect(first.info.uuid.replaceAll("-", "")).not.toContain("3d1219c7");
});

test("a machine without an id is told apart by the caller's own", async () => {
  using machine = new MachineTree();
  machine.write("etc/machine-id", "uninitialized\n");
  const [first, same, other] = [await open(machine), await open(machine), await open(machine, undefined, "other")];
  expect(same.info.uuid).toBe(first.info.uuid);
  expect(other.info.uuid).not.toBe(first.info.uuid);
});

test("a CPU that does not say its name is called CPU", async () => {
  using machine = new MachineTree();
  machine.write("proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 243.75\n");
  expect((await open(machine)).info.name).toBe("CPU");
});

test("without a counter, energy grows by the model from idle to full power with the load, and says so", async () => {
  using machine = new MachineTree();
  const { clock, read } = await open(machine);
  await clock.advance(1000);
  machine.ticks(50, 150);
  expect(await read()).toMatchObject({ energy: 22_500, energyBasis: "assumed", power: 22.5, utilizationPercent: 25 });
  await clock.advance(2000);
  machine.ticks(450, 150);
  expect(await read()).toMatchObject({ energy: 22_500 + 120_000, power: 60, utilizationPercent: 100 });
});

test("readings in quick succession keep the last load instead of guessing from a tick or two", async () => {
  using machine = new MachineTree();
  const { clock, read } = await open(machine);
  await clock.advance(1000);
  machine.ticks(100, 100);
  await read();
  await clock.advance(10);
  machine.ticks(102, 100);
  expect(await read()).toMatchObject({ utilizationPercent: 50, energy: 35_000 + 350 });
});

test("the first reading tells no load and no power, because nothing passed yet", async () => {
  using machine = new MachineTree();
  const { read } = await open(machine);
  const reading = await read();
  expect(reading).toMatchObject({ energy: 0, health: "ok" });
  expect(reading.utilizationPercent).toBeUndefined();
  expect(reading.power).toBeUndefined();
});

test("a kernel that tells no load leaves load and power absent and counts idle power", async () => {
  using machine = new MachineTree();
  machine.write("proc/stat", "intr 0\n");
  const { clock, read } = await open(machine);
  await clock.advance(1000);
  const reading = await read();
  expect(reading.utilizationPercent).toBeUndefined();
  expect(reading.power).toBeUndefined();
  expect(reading.energy).toBe(10_000);
});

test("a clock that was set back does not bend energy", async () => {
  using machine = new MachineTree();
  const { clock, read } = await open(machine);
  clock.setWall(clock.now() - 3_600_000);
  await clock.advance(1000);
  machine.ticks(0, 200);
  expect((await read()).energy).toBe(10_000);
});

test("with a counter, energy is the counter's own, of all packages together", async () => {
  using machine = new MachineTree();
  machine.package(0, 5_000_000);
  machine.package(1, 9_000_000);
  const { clock, read } = await open(machine);
  await clock.advance(1000);
  machine.package(0, 45_000_000);
  machine.package(1, 29_000_000);
  expect(await read()).toMatchObject({ energy: 60_000, energyBasis: "counter", power: 60 });
});

test("what the counter is left with below a millijoule is carried on, not lost", async () => {
  using machine = new MachineTree();
  machine.package(0, 0);
  const { clock, read } = await open(machine);
  for (const microJoules of [600, 1200, 1800]) {
    await clock.advance(100);
    machine.package(0, microJoules);
    await read();
  }
  expect((await read()).energy).toBe(1);
});

test("a counter that wrapped goes on in the same epoch", async () => {
  using machine = new MachineTree();
  machine.package(0, 65_532_000_000, 65_532_610_987);
  const { clock, read } = await open(machine);
  const before = await read();
  await clock.advance(1000);
  machine.package(0, 30_000_000, 65_532_610_987);
  const after = await read();
  expect(after.energy).toBe(30_610);
  expect(after.epoch).toBe(before.epoch);
});

test("a counter that was reset starts a new epoch at zero, never a negative or a giant step", async () => {
  using machine = new MachineTree();
  machine.package(0, 100_000_000_000);
  const { clock, read } = await open(machine);
  const before = await read();
  await clock.advance(1000);
  machine.package(0, 1000);
  const after = await read();
  expect(after.energy).toBe(0);
  expect(after.power).toBeUndefined();
  expect(after.epoch).not.toBe(before.epoch);
});

test("a gap so long that the counter may have wrapped unseen starts a new epoch", async () => {
  using machine = new MachineTree();
  machine.package(0, 0, 65_532_610_987);
  const { clock, read } = await open(machine);
  const before = await read();
  await clock.advance(600_000);
  machine.package(0, 1000, 65_532_610_987);
  expect((await read()).epoch).not.toBe(before.epoch);
});

test("a counter that cannot be read for a moment leaves energy absent and then goes on", async () => {
  using machine = new MachineTree();
  machine.package(0, 0);
  const { clock, read } = await open(machine);
  await clock.advance(1000);
  machine.write("sys/class/powercap/intel-rapl:0/energy_uj", "garbage\n");
  const during = await read();
  expect(during.energy).toBeUndefined();
  expect(during.energyBasis).toBeUndefined();
  await clock.advance(1000);
  machine.package(0, 20_000_000);
  expect(await read()).toMatchObject({ energy: 20_000, energyBasis: "counter", epoch: during.epoch });
});

test("a package whose range is unknown makes the whole CPU assumed, because the rest would look exact", async () => {
  using machine = new MachineTree();
  machine.package(0, 0);
  machine.package(1, 0);
  machine.remove("sys/class/powercap/intel-rapl:1/max_energy_range_uj");
  expect((await (await open(machine)).read()).energyBasis).toBe("assumed");
});

test("an assumed energy says in the log why it is assumed, and a counted one says nothing", () => {
  using machine = new MachineTree();
  const lines: string[] = [];
  const logger = createLogger("info", (line) => lines.push(line));
  openCpu({ clock: new ManualClock(), model, fallbackId: "x", files: machine.files, logger });
  expect(lines.join("")).toContain('assumed from its load reason="the processor shows no energy counter here"');
  machine.package(0, 0);
  openCpu({ clock: new ManualClock(), model, fallbackId: "x", files: machine.files, logger });
  expect(lines).toHaveLength(1);
});

test("the board's own counter is not added to the packages that it contains", async () => {
  using machine = new MachineTree();
  machine.package(0, 0);
  machine.package(1, 0);
  machine.write("sys/class/powercap/intel-rapl:1/name", "psys\n");
  machine.write("sys/class/powercap/intel-rapl:0:0/name", "core\n");
  const { clock, read } = await open(machine);
  await clock.advance(1000);
  machine.package(0, 10_000_000);
  machine.write("sys/class/powercap/intel-rapl:1/energy_uj", "90000000\n");
  expect((await read()).energy).toBe(10_000);
});

test("the hottest package's sensor is the temperature", async () => {
  using machine = new MachineTree();
  for (const [chip, name, temperature] of [
    [0, "nvme", 80],
    [1, "coretemp", 51.5],
    [2, "coretemp", 49],
  ] as const) {
    machine.write(`sys/class/hwmon/hwmon${chip}/name`, `${name}\n`);
    machine.write(`sys/class/hwmon/hwmon${chip}/temp1_input`, `${temperature * 1000}\n`);
  }
  expect((await (await open(machine)).read()).temperatureC).toBe(51.5);
});

test("a thermal zone of the CPU stands in for a sensor, and nonsense is no temperature", async () => {
  using machine = new MachineTree();
  machine.write("sys/class/thermal/thermal_zone0/type", "acpitz\n");
  machine.write("sys/class/thermal/thermal_zone0/temp", "20000\n");
  machine.write("sys/class/thermal/thermal_zone1/type", "x86_pkg_temp\n");
  machine.write("sys/class/thermal/thermal_zone1/temp", "61000\n");
  const { read } = await open(machine);
  expect((await read()).temperatureC).toBe(61);
  machine.write("sys/class/thermal/thermal_zone1/temp", "-999000\n");
  expect((await read()).temperatureC).toBeUndefined();
});

test("two starts of the agent count in different epochs", async () => {
  using machine = new MachineTree();
  const epochs = [(await (await open(machine)).read()).epoch, (await (await open(machine)).read()).epoch];
  expect(epochs[0]).not.toBe(epochs[1]);
  expect(epochs[0]).toContain("485eadc4-2231-43f2-80bc-d584dd46d58e");
});

test("a device that was never listed is a fault, and an aborted read is an abort", async () => {
  using machine = new MachineTree();
  const { source, info } = await open(machine);
  await expect(source.read("GPU-none", signal)).rejects.toMatchObject({ facts: { code: "ERR_GPU_UNKNOWN" } });
  await expect(source.read(info.uuid, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});
