import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ApiKeys } from "../../../src/mining/miners/api-keys.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let directory: TemporaryDirectory;
let folder: string;
beforeEach(() => {
  directory = new TemporaryDirectory();
  folder = join(directory.path, "miner-api");
});
afterEach(() => directory[Symbol.dispose]());

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("a miner's token", () => {
  test("is 256 random bits, another one for each GPU, and the same for the agent after this one", () => {
    const keys = new ApiKeys(folder);
    const [one, two] = [keys.of("GPU-a").token, keys.of("GPU-b").token];
    expect(Buffer.from(one, "base64url")).toHaveLength(32);
    expect(two).not.toBe(one);
    expect(new ApiKeys(folder).of("GPU-a").token).toBe(one);
    expect(new ApiKeys(join(directory.path, "other")).of("GPU-a").token).not.toBe(one);
  });

  test("and what the miner is told by file are for this user's eyes only, whole or not there", () => {
    const path = new ApiKeys(folder).of("GPU-a").tell('{"http":{}}');
    expect(readFileSync(path, "utf8")).toBe('{"http":{}}');
    expect(modeOf(folder)).toBe(0o700);
    expect(readdirSync(folder).map((name) => modeOf(join(folder, name)))).toEqual([0o600, 0o600]);
    new ApiKeys(folder).of("GPU-a").tell("{}");
    expect(readFileSync(path, "utf8")).toBe("{}");
    expect(readdirSync(folder)).toHaveLength(2);
  });

  test("that is damaged is made anew", () => {
    mkdirSync(folder);
    writeFileSync(join(folder, "GPU-a.token"), "guess me\n");
    chmodSync(join(folder, "GPU-a.token"), 0o644);
    expect(new ApiKeys(folder).of("GPU-a").token).toMatch(/^[\w-]{43}$/);
    expect(modeOf(join(folder, "GPU-a.token"))).toBe(0o600);
  });

  test("that cannot be kept is one clear error", () => {
    writeFileSync(folder, "a file where the folder should be");
    expect(() => new ApiKeys(folder).of("GPU-a")).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_MINER_FILE", retryable: true }) }),
    );
  });
});
