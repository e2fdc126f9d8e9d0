import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readToken } from "../../../src/api/token-file.ts";
import { loadToken } from "../../../src/http/token.ts";
import { isRigError } from "../../../src/lib/errors.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const codeOf = async (promise: Promise<unknown>): Promise<string | undefined> => {
  const error: unknown = await promise.then(
    () => undefined,
    (fault: unknown) => fault,
  );
  return isRigError(error) ? `${error.facts.code} ${error.facts.mend}` : String(error);
};

const GOOD = "A".repeat(43);

describe("the token", () => {
  test("is made at first start: 32 random bytes, for this user's eyes only", async () => {
    using directory = new TemporaryDirectory();
    const home = join(directory.path, "home");
    const token = await loadToken(home);
    expect(Buffer.from(token, "base64url")).toHaveLength(32);
    expect(statSync(join(home, "token")).mode & 0o777).toBe(0o600);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(home, "token"), "utf8")).toBe(`${token}\n`);
    expect(readdirSync(home)).toEqual(["token"]);
  });

  test("stays the same from start to start, and is another one on another rig", async () => {
    using one = new TemporaryDirectory();
    using other = new TemporaryDirectory();
    const token = await loadToken(one.path);
    expect(await loadToken(one.path)).toBe(token);
    expect(await loadToken(other.path)).not.toBe(token);
  });

  test("is one and the same for two agents that start at once", async () => {
    using directory = new TemporaryDirectory();
    const tokens = await Promise.all(Array.from({ length: 8 }, () => loadToken(directory.path)));
    expect(new Set(tokens).size).toBe(1);
    expect(readdirSync(directory.path)).toEqual(["token"]);
  });

  test("is refused when others can read it, with the command that mends it", async () => {
    using directory = new TemporaryDirectory();
    const path = directory.write("token", GOOD);
    for (const mode of [0o644, 0o640, 0o604, 0o620]) {
      chmodSync(path, mode);
      expect(await codeOf(loadToken(directory.path))).toBe(`ERR_API_TOKEN_FILE run: chmod 600 ${path}`);
    }
    chmodSync(path, 0o600);
    expect(await loadToken(directory.path)).toBe(GOOD);
  });

  const bad = ["", "short", `${GOOD} ${GOOD}`, `${GOOD}!`, "x".repeat(300)];
  for (const content of bad)
    test(`is refused as ${JSON.stringify(content.slice(0, 50))}`, async () => {
      using directory = new TemporaryDirectory();
      chmodSync(directory.write("token", content), 0o600);
      expect(await codeOf(loadToken(directory.path))).toMatch(/^ERR_API_TOKEN_FILE .*the next start makes a new one/);
    });

  test("is never read through a link", async () => {
    using directory = new TemporaryDirectory();
    const target = directory.write("elsewhere", GOOD);
    chmodSync(target, 0o600);
    symlinkSync(target, join(directory.path, "token"));
    expect(await codeOf(loadToken(directory.path))).toMatch(/^ERR_API_TOKEN_FILE/);
  });

  test("cannot be made where the data directory is a file", async () => {
    using directory = new TemporaryDirectory();
    const path = directory.write("file", "");
    expect(await codeOf(loadToken(join(path, "home")))).toMatch(/^ERR_(HTTP|API)_TOKEN_FILE/);
  });

  test("is not made by reading", async () => {
    using directory = new TemporaryDirectory();
    expect(await readToken(directory.path)).toBeUndefined();
    expect(readdirSync(directory.path)).toEqual([]);
  });
});
