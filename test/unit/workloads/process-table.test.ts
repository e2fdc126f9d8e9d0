import { expect, test } from "vitest";
import { parseStat, readProcess } from "../../../src/workloads/process-table.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const stat = (command: string, state = "S") =>
  `6002 (${command}) ${state} 6001 6003 6002 0 -1 4194560 3372 271325 2 86 0 2 708 130 20 0 1 0 74482 5124096 984\n`;

const rows = [
  ["a plain name", "bash"],
  ["a name with spaces", "tmux: server"],
  ["a name with parentheses", "x) R 1 1 (y"],
  ["a name that is a line of its own", "a\nb"],
] as const;
for (const [title, command] of rows)
  test(`the start time is found behind ${title}`, () => {
    expect(parseStat(stat(command))).toEqual({ startTicks: 74482, parent: 6001, group: 6003, zombie: false });
  });

test("a process that ended but was not collected is a zombie", () => {
  expect(parseStat(stat("sh", "Z"))?.zombie).toBe(true);
});

test("a torn or foreign file is no process", () => {
  for (const text of ["", "6002", "6002 (bash", "6002 (bash) S 1 2 3", stat("bash").replace("74482", "soon")])
    expect(parseStat(text)).toBeUndefined();
});

test("a pid that nobody has is no process", () => {
  using proc = new TemporaryDirectory();
  proc.write("7/stat", stat("sh"));
  expect(readProcess(7, proc.path)?.startTicks).toBe(74482);
  expect(readProcess(8, proc.path)).toBeUndefined();
});
