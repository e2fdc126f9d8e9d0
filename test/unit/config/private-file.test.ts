import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPrivateFile } from "../../../src/config/private-file.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

test("a file of its owner's alone is read whole", () => {
  using directory = new TemporaryDirectory();
  const path = directory.write("secret", "hunter2\n");
  for (const mode of [0o600, 0o400]) {
    chmodSync(path, mode);
    expect(readPrivateFile(path, 100)).toEqual({ kind: "read", text: "hunter2\n" });
  }
});

test("one that the group or others may read or write is refused with the command that mends it", () => {
  using directory = new TemporaryDirectory();
  const path = directory.write("secret", "hunter2");
  for (const mode of [0o640, 0o620, 0o604, 0o666]) {
    chmodSync(path, mode);
    expect(readPrivateFile(path, 100)).toEqual({
      kind: "refused",
      why: "can be read by others",
      mend: `run: chmod 600 ${path}`,
    });
  }
});

test("a missing, huge or special file is refused, and a pipe without a writer does not hold the start", () => {
  using directory = new TemporaryDirectory();
  const huge = directory.write("huge", "x".repeat(101));
  chmodSync(huge, 0o600);
  const pipe = join(directory.path, "pipe");
  execFileSync("/usr/bin/env", ["mkfifo", "-m", "600", pipe]);
  for (const path of [join(directory.path, "none"), huge, pipe, directory.path])
    expect(readPrivateFile(path, 100), path).toMatchObject({ kind: "refused", mend: expect.any(String) });
});
