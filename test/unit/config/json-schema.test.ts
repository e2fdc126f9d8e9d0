import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../../src/config/default.ts";
import { toJsonSchema } from "../../../src/config/json-schema.ts";
import { loadConfig, parseConfig } from "../../../src/config/load.ts";

const read = (name: string): string => readFileSync(join(repositoryRoot, name), "utf8");

test("the committed rig.schema.json is what `node scripts/export-schema.ts` writes", () => {
  expect(JSON.parse(read("rig.schema.json"))).toEqual(toJsonSchema());
});

test("the starter file names the schema in its first line and loads", () => {
  expect(read("rig.example.yaml").split("\n", 1)[0]).toBe("# yaml-language-server: $schema=./rig.schema.json");
  const config = loadConfig(join(repositoryRoot, "rig.example.yaml"));
  expect(config.mining?.sheets[0]?.pools).toHaveLength(2);
  expect(config.inference?.engine.modelFile).toBe(join(repositoryRoot, "models/model.gguf"));
});

test("the starter file shows the defaults it claims to show", () => {
  const { file, mining, inference, ...shown } = loadConfig(join(repositoryRoot, "rig.example.yaml"));
  const bare = parseConfig(
    {
      version: 1,
      mining: { pools: [{ url: "devpool" }] },
      inference: { engine: { kind: "builtin", modelFile: "models/model.gguf" } },
    },
    "bare",
    repositoryRoot,
  );
  expect(file).toBeDefined();
  expect({ ...bare, mining: undefined, inference: undefined }).toEqual({
    ...shown,
    mining: undefined,
    inference: undefined,
  });
  expect(inference).toEqual(bare.inference);
  const withoutPools = (one: typeof mining) =>
    one && { ...one, sheets: one.sheets.map((sheet) => ({ ...sheet, pools: [] })) };
  expect(withoutPools(mining)).toEqual(withoutPools(bare.mining));
});

test("every key of the schema appears in the starter file", () => {
  const starter = read("rig.example.yaml");
  const keys = [...keysOf(toJsonSchema())];
  expect(keys).toContain("contextTokens");
  for (const key of keys) expect(starter, key).toMatch(new RegExp(`\\b${key}:`));
});

function* keysOf(schema: unknown): Generator<string> {
  if (typeof schema !== "object" || schema === null) return;
  if ("properties" in schema && schema.properties !== null && typeof schema.properties === "object")
    yield* Object.keys(schema.properties);
  for (const part of Object.values(schema)) yield* keysOf(part);
}
