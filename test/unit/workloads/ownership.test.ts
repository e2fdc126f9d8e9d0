import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { belongsTo, isSeen, nameOf } from "../../../src/workloads/ownership.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let proc: TemporaryDirectory;
beforeEach(() => {
  proc = new TemporaryDirectory();
});
afterEach(() => proc[Symbol.dispose]());

function runs(pid: number, { parent = 1, group = pid, cgroup = "0::/user.slice\n", name = "python3" } = {}): void {
  proc.write(`${pid}/stat`, `${pid} (${name}) S ${parent} ${group} ${group} 0 -1 4 3 2 0 8 0 2 7 1 20 0 1 0 744 5 9\n`);
  proc.write(`${pid}/cgroup`, cgroup);
  proc.write(`${pid}/comm`, `${name}\n`);
}
const owns = (pid: number, work: { pid: number; container?: string }) => belongsTo(pid, work, proc.path);

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

  test("are not those of another container", () => {
    runs(401, { parent: 100, cgroup: "0::/system.slice/docker-deadbeef.scope\n" });
    expect(owns(401, work)).toBe(false);
  });
});

test("a process has the name that the kernel keeps, and none once it ended", () => {
  runs(500, { name: "Xorg" });
  expect(nameOf(500, proc.path)).toBe("Xorg");
  expect(nameOf(501, proc.path)).toBeUndefined();
  expect([isSeen(500, proc.path), isSeen(501, proc.path)]).toEqual([true, false]);
});
