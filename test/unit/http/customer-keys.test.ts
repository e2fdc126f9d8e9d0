import { chmodSync } from "node:fs";
import { expect, test } from "vitest";
import { readCustomerKeys } from "../../../src/http/customer-keys.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const KEY = "sk-0123456789abcdef";

function keyFile(directory: TemporaryDirectory, content: string, mode = 0o600): string {
  const path = directory.write("customers.keys", content);
  chmodSync(path, mode);
  return path;
}

test("keys stand one a line, beside remarks and empty lines", () => {
  using directory = new TemporaryDirectory();
  expect(readCustomerKeys(keyFile(directory, `# alice\n${KEY}\n\n  ${KEY}2  \n`))).toEqual([KEY, `${KEY}2`]);
  expect(readCustomerKeys(undefined)).toEqual([]);
});

const refused: readonly (readonly [string, string, number, RegExp])[] = [
  ["that the group can read", KEY, 0o640, /can be read by others/],
  ["that everyone can read", KEY, 0o604, /can be read by others/],
  ["without a key", "# none yet\n", 0o600, /holds no key/],
  ["with a key that is too short", `${KEY}\nshort\n`, 0o600, /key 2 is not 16 to 256/],
];
for (const [title, content, mode, why] of refused)
  test(`a file ${title} is refused, and its content is not repeated`, () => {
    using directory = new TemporaryDirectory();
    const file = keyFile(directory, content, mode);
    expect(() => readCustomerKeys(file)).toThrow(why);
    expect(() => readCustomerKeys(file)).not.toThrow(/sk-|short/);
  });

test("a file open to others is told with the command that closes it", () => {
  using directory = new TemporaryDirectory();
  const file = keyFile(directory, KEY, 0o644);
  expect(() => readCustomerKeys(file)).toThrow(
    expect.objectContaining({
      facts: expect.objectContaining({ code: "ERR_HTTP_CUSTOMER_KEYS", mend: `run: chmod 600 ${file}` }),
    }),
  );
});
