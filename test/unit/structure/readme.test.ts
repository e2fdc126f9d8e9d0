import { expect, test } from "vitest";
import { readMarketFile } from "../../../src/market/file.ts";
import { readRootFile } from "../../support/source-tree.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const readme = readRootFile("README.md");

test("the README's market file is one that the agent takes", () => {
  using directory = new TemporaryDirectory();
  const [, example = ""] = /```json\n([\s\S]*?)```/.exec(readme) ?? [];
  const market = readMarketFile(directory.write("market.json", example));
  expect(market.coin("bitcoin", "sha256d")).toMatchObject({ value: 0.0432 / 86_400, invented: false });
});

test("every file that the README points to is there", () => {
  const targets = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, target = ""]) => target);
  expect(targets.length).toBeGreaterThan(3);
  for (const target of targets.filter((path) => !path.endsWith(".png"))) expect(readRootFile(target)).not.toBe("");
});
