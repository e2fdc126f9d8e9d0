import { expect, test } from "vitest";
import { readSecret } from "../../../src/config/secret.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

test("a secret file is read without the line end that an editor adds", () => {
  using directory = new TemporaryDirectory();
  expect(readSecret({ file: directory.write("secret", "x y\r\n") }, {})).toBe("x y");
});

test("a secret variable is read from the environment", () => {
  expect(readSecret({ env: "POOL" }, { POOL: "x" })).toBe("x");
});

test("a missing, empty or huge secret is an error that names the place and not the content", () => {
  using directory = new TemporaryDirectory();
  const huge = directory.write("huge", "hunter2".repeat(1000));
  for (const file of [`${directory.path}/none`, directory.write("empty", "\n"), huge]) {
    expect(() => readSecret({ file }, {})).toThrow(`secret ${file}`);
    expect(() => readSecret({ file }, {})).not.toThrow(/hunter2/);
  }
  expect(() => readSecret({ env: "POOL" }, {})).toThrow("secret $POOL: not set");
});
