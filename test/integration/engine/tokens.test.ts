import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ENGINE_FOLDER, installEngine, MODEL_FILE } from "./engine-process.ts";

interface Sample {
  text: string;
  ids: number[];
}

const recorded = JSON.parse(readFileSync(join(ENGINE_FOLDER, "model/tokens.json"), "utf8")) as Sample[];
let tokenized: Sample[];

beforeAll(() => {
  installEngine();
  const script = join(ENGINE_FOLDER, "model/tokenize.ts");
  const input = JSON.stringify(recorded.map(({ text }) => text));
  tokenized = JSON.parse(execFileSync(process.execPath, [script, MODEL_FILE], { input, encoding: "utf8" })) as Sample[];
});

test.each(recorded.map(({ text, ids }, at) => ({ text, ids, at })))(
  "llama.cpp cuts $text into the tokens of the training",
  ({ text, ids, at }) => {
    expect(tokenized[at]?.ids).toEqual(ids);
    // U+2581 is how SPM writes a space, so that one character cannot come back as itself.
    expect(tokenized[at]?.text).toBe(text.replaceAll("\u2581", " "));
  },
);
