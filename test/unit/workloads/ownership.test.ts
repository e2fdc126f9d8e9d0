import { chmodSync, existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  belongsTo,
  isInstalledProgram,
  isSeen,
  nameOf,
  type OwnedWork,
  startOf,
} from "../../../src/workloads/ownership.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let proc: TemporaryDirectory;
beforeEach(() => {
  proc = new TemporaryDirectory();
});
afterEach(() => proc[Symbol.dispose]());

function runs(
  pid: number,
  { parent = 1, group = pid, cgroup = "0::/user.slice\n", name = "python3", start = 744 } = {},
): void {
  proc.write(
    `${pid}/stat`,
    `${pid} (${name}) S ${parent} ${group} ${group} 0 -1 4 3 2 0 8 0 2 7 1 20 0 1 0 ${start} 5 9\n`,
  );
  proc.write(`${pid}/cgroup`, cgroup);
  proc.write(`${pid}/comm`, `${name}\n`);
}
const owns = (pid: number, work: OwnedWork) => belongsTo(pid, work, proc.path);

describe("a native child's processes", () => {
  test("are itself, what it began, and what that began", () => {
    runs(100);
    runs(101, { parent: 100, group: 101 });
    runs(102, { parent: 101, group: 102 });
    for (const pid of [100, 101, 102]) expect(owns(pid, { pid: 100 })).toBe(true);
  });

  test("are also those of its group whose parent has ended", () => {
    runs(103, { parent: 1, group: 100 });
    expect(owns(103, { pid: 100 })).toBe(true);
  });

  test("are nobody else's, nor a process that has ended", () => {
    runs(200, { parent: 50, group: 200 });
    runs(50);
    expect(owns(200, { pid: 100 })).toBe(false);
    expect(owns(999, { pid: 100 })).toBe(false);
  });

  test("are not those of a later process that was given the same number", () => {
    runs(100, { start: 9000 });
    runs(104, { parent: 100, group: 100, start: 9001 });
    for (const pid of [100, 104]) {
      expect(owns(pid, { pid: 100, startTicks: 744 })).toBe(false);
      expect(owns(pid, { pid: 100, startTicks: 9000 })).toBe(true);
    }
    expect([startOf(100, proc.path), startOf(999, proc.path)]).toEqual([9000, undefined]);
  });

  test("are still those of its group once the first of them has ended", () => {
    runs(105, { parent: 1, group: 100 });
    expect(owns(105, { pid: 100, startTicks: 744 })).toBe(true);
  });

  test("are told apart also where parents go round in a ring", () => {
    runs(300, { parent: 301, group: 7 });
    runs(301, { parent: 300, group: 7 });
    expect(owns(300, { pid: 100 })).toBe(false);
  });
});

describe("a container's processes", () => {
  const work = { pid: 100, container: "4fd1c0ffee" };

  test("are those of its cgroup, whoever began them", () => {
    runs(400, { cgroup: "0::/system.slice/docker-4fd1c0ffee.scope\n" });
    expect(owns(400, work)).toBe(true);
    expect(owns(100, work)).toBe(true);
  });

  test("are known by the container also where the first one's number was given anew", () => {
    runs(100, { start: 9000 });
    runs(402, { cgroup: "0::/system.slice/docker-4fd1c0ffee.scope\n" });
    expect([owns(402, { ...work, startTicks: 744 }), owns(100, { ...work, startTicks: 744 })]).toEqual([true, false]);
  });

  test("are not those of another container", () => {
    runs(401, { parent: 100, cgroup: "0::/system.slice/docker-deadbeef.scope\n" });
    expect(owns(401, work)).toBe(false);
  });
});

describe("a program is the installed one of its name", () => {
  const program = (pid: number, { exe = "/bin/sh", root = "/", cgroup = "0::/user.slice\n" } = {}) => {
    runs(pid, { cgroup });
    symlinkSync(exe, join(proc.path, `${pid}/exe`));
    symlinkSync(root, join(proc.path, `${pid}/root`));
    proc.write("self/comm", "me\n");
    if (!existsSync(join(proc.path, "self/root"))) symlinkSync("/", join(proc.path, "self/root"));
  };
  const isInstalled = (pid: number, name: string) => isInstalledProgram(pid, name, proc.path);

  test("where root installed it and it runs on the machine itself", () => {
    program(600);
    expect(isInstalled(600, "sh")).toBe(true);
  });

  test("not where another program bears the name: a process names itself", () => {
    program(601);
    expect(isInstalled(601, "Xorg")).toBe(false);
  });

  test("not where anybody could have put it there", () => {
    const path = proc.write("tmp/Xorg", "#!/bin/sh\n");
    chmodSync(path, 0o777);
    program(602, { exe: path });
    expect(isInstalled(602, "Xorg")).toBe(false);
  });

  test.each(["0::/system.slice/docker-4fd1.scope\n", `0::/${"a1".repeat(32)}\n`, "1:cpu:/kubepods/burstable/pod1\n"])(
    "not in a container: %s",
    (cgroup) => {
      program(603, { cgroup });
      expect(isInstalled(603, "sh")).toBe(false);
    },
  );

  test("not where it has files of its own", () => {
    program(604, { root: proc.path });
    expect(isInstalled(604, "sh")).toBe(false);
  });

  test("as far as can be told: not where this user may not look", () => {
    runs(605);
    expect(isInstalled(605, "sh")).toBeUndefined();
  });

  test.runIf(process.platform === "linux")("of this machine, which is asked for real", () => {
    expect(isInstalledProgram(process.pid, "no such name")).toBe(false);
  });
});

test("a process has the name that the kernel keeps, and none once it ended", () => {
  runs(500, { name: "Xorg" });
  expect(nameOf(500, proc.path)).toBe("Xorg");
  expect(nameOf(501, proc.path)).toBeUndefined();
  expect([isSeen(500, proc.path), isSeen(501, proc.path)]).toEqual([true, false]);
});
