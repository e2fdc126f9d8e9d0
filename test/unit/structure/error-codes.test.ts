import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRootFile, withoutComments } from "../../support/source-tree.ts";

/** Node's own, which we only recognise. */
const FOREIGN = ["ERR_PARSE_ARGS"];

const root = new URL("../../..", import.meta.url).pathname;
const SOURCES = ["src/**/*.{ts,tsx}", "docker/engine/src/**/*.ts", "scripts/**"];
const sources = globSync(SOURCES, { cwd: root })
  .filter((path) => statSync(join(root, path)).isFile())
  .map((path) => withoutComments(readRootFile(path)));
const readme = readRootFile("README.md");

const namesIn = (texts: readonly string[], pattern: RegExp): ReadonlySet<string> =>
  new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = ""]) => name)));

/** In code a code stands in quotes, in a shell script as a word of its own. */
const codes = namesIn(sources, /["'`( ](ERR_[A-Z0-9_]+)\b/g);
const explained = namesIn([readme], /`(ERR_[A-Z0-9_]+)`/g);

test("there are error codes to look for, of the agent, the engine and the scripts", () => {
  for (const code of ["ERR_CONFIG_INVALID", "ERR_ENGINE_MEMORY", "ERR_NODE_MISSING"]) expect(codes).toContain(code);
});

test("every error code is explained in the README", () => {
  expect([...codes].filter((code) => !FOREIGN.includes(code) && !explained.has(code)).sort()).toEqual([]);
});

test("the README explains no code that nothing gives", () => {
  expect([...explained].filter((code) => !codes.has(code)).sort()).toEqual([]);
});
