import { chmodSync } from "node:fs";
import { expect, test } from "vitest";
import { readSecret } from "../../../src/config/secret.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

function secretFile(directory: TemporaryDirectory, name: string, content: string): string {
  const path = directory.write(name, content);
  chmodSync(path, 0o600);
  return path;
}

test("a secret file is read without the line end that an editor adds", () => {
  using directory = new TemporaryDirectory();
  expect(readSecret({ file: secretFile(directory, "secret", "x y\r\n") }, {})).toBe("x y");
});

test("a secret file that others can read is refused with the command that mends it", () => {
  using directory = new TemporaryDirectory();
  const file = secretFile(directory, "secret", "hunter2");
  chmodSync(file, 0o644);
  expect(() => readSecret({ file }, {})).toThrow(
    expect.objectContaining({
      message: `secret ${file} can be read by others`,
      facts: expect.objectContaining({ code: "ERR_SECRET_UNREADABLE", mend: `run: chmod 600 ${file}` }),
    }),
  );
});

test("a secret variable is read from the environment", () => {
  expect(readSecret({ env: "POOL" }, { POOL: "x" })).toBe("x");
});

test("a missing, empty or huge secret is an error that names the place and not the content", () => {
  using directory = new TemporaryDirectory();
  const huge = secretFile(directory, "huge", "hunter2".repeat(1000));
  for (const file of [`${directory.path}/none`, secretFile(directory, "empty", "\n"), huge]) {
    expect(() => readSecret({ file }, {})).toThrow(`secret ${file}`);
    expect(() => readSecret({ file }, {})).not.toThrow(/hunter2/);
  }
  expect(() => readSecret({ env: "POOL" }, {})).toThrow("secret $POOL is not set");
});
