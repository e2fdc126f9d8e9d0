import { expect, test } from "vitest";
import { readMarketFile } from "../../../src/market/file.ts";
import { runIn } from "../../integration/cli/harness.ts";
import { readRootFile } from "../../support/source-tree.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const readme = readRootFile("README.md");

test("the README's market file is one that the agent takes", () => {
  using directory = new TemporaryDirectory();
  const [, example = ""] = /```json\n([\s\S]*?)```/.exec(readme) ?? [];
  const market = readMarketFile(directory.write("market.json", example));
  expect(market.coin("bitcoin", "sha256d")).toMatchObject({ value: 0.0432 / 86_400, invented: false });
});

test("the README's market file and its benchmarks work together", async () => {
  using directory = new TemporaryDirectory();
  const examples = [...readme.matchAll(/```json\n([\s\S]*?)```/g)].map(([, example = ""]) => example);
  const benchmarks = examples.find((example) => example.includes('"benchmarks"')) ?? "";
  directory.write("market.json", examples[0] ?? "");
  directory.write("bench.json", benchmarks);
  const files = ["--market", "market.json", "--benchmarks", "bench.json", "--json"];
  const { code, out, err } = await runIn(directory.path, ["profit", ...files]);
  expect([code, err]).toEqual([0, ""]);
  const [gpu] = JSON.parse(out).gpus;
  expect(gpu.valuations[0]).toMatchObject({ label: "devcoin", netUsdPerHour: expect.any(Number) });
});

test("every file that the README points to is there", () => {
  const targets = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, target = ""]) => target);
  expect(targets.length).toBeGreaterThan(3);
  for (const target of targets.filter((path) => !path.endsWith(".png"))) expect(readRootFile(target)).not.toBe("");
});
