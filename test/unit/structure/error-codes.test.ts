import { expect, test } from "vitest";
import { readRootFile, sourceFiles } from "../../support/source-tree.ts";

/** Node's own, which we only recognise. */
const FOREIGN = ["ERR_PARSE_ARGS"];

const codes = new Set(
  sourceFiles().flatMap(({ code }) => [...code.matchAll(/["'`(](ERR_[A-Z0-9_]+)\b/g)].map(([, name]) => name)),
);

test("there are error codes to look for", () => {
  expect(codes).toContain("ERR_CONFIG_INVALID");
});

test("every error code is explained in the README", () => {
  const readme = readRootFile("README.md");
  const missing = [...codes].filter(
    (code) => code && !FOREIGN.includes(code) && !new RegExp(`\\b${code}\\b`).test(readme),
  );
  expect(missing.sort()).toEqual([]);
});
