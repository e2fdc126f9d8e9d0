import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { MachineFiles } from "../../../src/gpu/machine-files.ts";
import { findHostRapl, findPackageRapl, type RaplCounters, type RaplFinding } from "../../../src/gpu/rapl.ts";
import { seconds } from "../../../src/units/time.ts";
import { MachineTree } from "../../support/machine-tree.ts";

const RANGE = 65_532_610_987;
const counted = (finding: RaplFinding): RaplCounters => {
  if (finding.kind !== "found") throw new Error(finding.reason);
  return finding.counters;
};
/** Microjoules between now and after `move`. */
function across(find: (files: MachineFiles) => RaplFinding, machine: MachineTree, move: () => void, length = 10) {
  const counters = counted(find(machine.files));
  const before = counters.read() ?? [];
  move();
  return counters.between(before, counters.read() ?? [], seconds(length));
}

describe("the processor's counter", () => {
  test("is all packages together, each with its own wrap", () => {
    using machine = new MachineTree();
    machine.package(0, RANGE - 1000, RANGE);
    machine.package(1, 5000);
    const used = across(findPackageRapl, machine, () => {
      machine.package(0, 2000, RANGE);
      machine.package(1, 45_000);
    });
    expect(used).toBe(3000 + 40_000);
  });

  test("names a package of several dies, and leaves cores, graphics and the platform out", () => {
    using machine = new MachineTree();
    machine.package(0, 0);
    machine.write("sys/class/powercap/intel-rapl:0/name", "package-0-die-0\n");
    machine.write("sys/class/powercap/intel-rapl:0:0/name", "core\n");
    machine.write("sys/class/powercap/intel-rapl-mmio:0/name", "package-0\n");
    machine.platform(0);
    expect(findPackageRapl(machine.files)).toMatchObject({ kind: "found", domains: ["package-0-die-0"] });
  });

  test.each<[string, (machine: MachineTree) => void, string]>([
    ["a virtual machine", () => {}, "the processor shows no energy counter here"],
    [
      "a kernel that does not tell the range",
      (machine) => machine.remove("sys/class/powercap/intel-rapl:0/max_energy_range_uj"),
      "where the counter of package-0 starts anew cannot be read",
    ],
    [
      "a counter that tells no number",
      (machine) => machine.write("sys/class/powercap/intel-rapl:0/energy_uj", "garbage\n"),
      "the counter of package-0 cannot be read",
    ],
  ])("is absent on %s, and says why", (title, change, reason) => {
    using machine = new MachineTree();
    if (title !== "a virtual machine") machine.package(0, 5);
    change(machine);
    expect(findPackageRapl(machine.files)).toEqual({ kind: "absent", reason });
    expect(findHostRapl(machine.files)).toEqual({ kind: "absent", reason });
  });

  test("that only root may read is denied, which is another thing than absent", () => {
    using machine = new MachineTree();
    machine.package(0, 5);
    const file = join(machine.files.sys, "class/powercap/intel-rapl:0/energy_uj");
    chmodSync(file, 0o400);
    asNobody(machine, () => {
      const reason = `${file} may not be read by this user`;
      expect(findPackageRapl(machine.files)).toEqual({ kind: "denied", reason });
    });
  });
});

describe("the host's counter", () => {
  test("is the platform's where there is one, which holds the packages", () => {
    using machine = new MachineTree();
    machine.package(0, 0);
    machine.platform(262_143_328_000);
    const used = across(findHostRapl, machine, () => {
      machine.package(0, 30_000_000);
      machine.platform(80_000_000 - 850);
    });
    expect(used).toBe(80_000_000);
  });

  test.each([
    ["stands still", 7],
    ["counts less than the packages", 1007],
  ])("is the packages' where the platform's %s", (_title, platform) => {
    using machine = new MachineTree();
    machine.package(0, 0);
    machine.platform(7);
    const used = across(findHostRapl, machine, () => {
      machine.package(0, 30_000_000);
      machine.platform(platform);
    });
    expect(used).toBe(30_000_000);
  });

  test("is the packages' where the platform's was reset or there is none, and unknown where the packages' were", () => {
    using machine = new MachineTree();
    machine.package(0, 50_000_000);
    machine.platform(200_000_000_000);
    expect(
      across(findHostRapl, machine, () => {
        machine.package(0, 60_000_000);
        machine.platform(5);
      }),
    ).toBe(10_000_000);
    machine.package(0, 200_000_000_000);
    expect(across(findHostRapl, machine, () => machine.package(0, 5))).toBeUndefined();
    machine.remove("sys/class/powercap/intel-rapl:9");
    expect(findHostRapl(machine.files)).toMatchObject({ kind: "found", domains: ["package-0"] });
  });

  test("is the platform's alone where no package has one", () => {
    using machine = new MachineTree();
    machine.platform(0);
    expect(across(findHostRapl, machine, () => machine.platform(9_000_000))).toBe(9_000_000);
    expect(findPackageRapl(machine.files).kind).toBe("absent");
  });

  test("may draw more than one package can", () => {
    using machine = new MachineTree();
    machine.platform(0);
    expect(across(findHostRapl, machine, () => machine.platform(12_000_000_000))).toBe(12_000_000_000);
    expect(across(findHostRapl, machine, () => machine.platform(52_000_000_000))).toBeUndefined();
  });

  test("that cannot be read for a moment is unknown then", () => {
    using machine = new MachineTree();
    machine.package(0, 0);
    machine.platform(0);
    const counters = counted(findHostRapl(machine.files));
    machine.write("sys/class/powercap/intel-rapl:0/energy_uj", "\n");
    expect(counters.read()).toBeUndefined();
  });
});

/** Root may read everything, so for a moment this process is not root. */
function asNobody(machine: MachineTree, f: () => void): void {
  const { geteuid, seteuid } = process;
  if (geteuid?.() !== 0 || seteuid === undefined) {
    chmodSync(join(machine.files.sys, "class/powercap/intel-rapl:0/energy_uj"), 0);
    f();
    return;
  }
  chmodSync(join(machine.files.sys, ".."), 0o755);
  seteuid(65_534);
  try {
    f();
  } finally {
    seteuid(0);
  }
}
