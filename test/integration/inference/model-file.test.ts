import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkModelFile } from "../../../src/inference/model-file.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = new TemporaryDirectory("rigshift-model");
});
afterEach(() => directory[Symbol.dispose]());

const CONTENT = `GGUF${"\u0003\u0000".repeat(50_000)}`;
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const fault = (code: string) => expect.objectContaining({ facts: expect.objectContaining({ code }) });

describe("a model file", () => {
  test("is taken when it is a GGUF and nothing more was asked", async () => {
    await expect(checkModelFile(directory.write("m.gguf", CONTENT), undefined)).resolves.toBeUndefined();
  });

  test.each([
    ["as it was given", SHA256],
    ["in capitals, too", SHA256.toUpperCase()],
  ])("is taken when it has the digest %s", async (_title, sha256) => {
    await expect(checkModelFile(directory.write("m.gguf", CONTENT), sha256)).resolves.toBeUndefined();
  });

  test("with one byte changed is refused, and both digests are named", async () => {
    const file = directory.write("m.gguf", `${CONTENT.slice(0, -1)}x`);
    const refusal = await checkModelFile(file, SHA256).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ facts: { code: "ERR_MODEL_CORRUPT", file } });
    expect(String(refusal)).toMatch(new RegExp(`has sha256 [0-9a-f]{64}, not ${SHA256}`));
  });

  test.each([
    ["an HTML page that a proxy served instead", "<!doctype html>"],
    ["an empty download", ""],
    ["the first bytes of a download", "GGU"],
  ])("is refused when it is %s", async (_title, content) => {
    await expect(checkModelFile(directory.write("m.gguf", content), undefined)).rejects.toEqual(
      fault("ERR_MODEL_CORRUPT"),
    );
  });

  test.each([
    ["missing", "none.gguf"],
    ["a folder", "."],
    ["below a file", "m.gguf/m.gguf"],
  ])("that is %s is said to be unreadable, and which setting names it", async (_title, path) => {
    directory.write("m.gguf", CONTENT);
    const refusal = await checkModelFile(`${directory.path}/${path}`, undefined).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      facts: { code: "ERR_MODEL_MISSING", mend: expect.stringContaining("inference.engine.modelFile") },
      cause: expect.any(Error),
    });
  });
});
