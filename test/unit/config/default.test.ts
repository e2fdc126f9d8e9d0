import { isAbsolute } from "node:path";
import { expect, test } from "vitest";
import { embeddedDefault } from "../../../src/config/default.ts";
import { loadConfig, parseConfig } from "../../../src/config/load.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

test("without a file the CPU mines for the built-in pool and answers with the built-in engine", () => {
  const config = loadConfig(undefined);
  expect(config.file).toBeUndefined();
  expect(config.mode).toBe("auto");
  expect(config.gpus.source).toBe("cpu");
  expect(config.mining?.sheets[0]?.coin).toBe("devcoin");
  expect(config.mining?.sheets[0]?.pools.map((pool) => pool.endpoint)).toEqual([{ kind: "devpool" }]);
  expect(config.inference?.engine.kind).toBe("builtin");
  expect(isAbsolute(config.inference?.engine.modelFile ?? "")).toBe(true);
});

test("in the try-out one request is worth waking the engine, and switching is not held back", () => {
  const config = loadConfig(undefined);
  expect(config.inference?.engine.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(config.inference?.wakeValue).toBe(10_000_000);
  expect(config.policy.minDwell).toBe(2000);
  expect(config.policy.lending).toBe("on");
});

test("the model is whichever GGUF file the repository ships", () => {
  using root = new TemporaryDirectory();
  const model = root.write("docker/engine/model/story.gguf", "");
  root.write("docker/engine/model/README.md", "");
  expect(parseConfig(embeddedDefault(root.path), "default", "/").inference?.engine.modelFile).toBe(model);
});

test("a repository without a model still makes a configuration, whose engine will name the missing file", () => {
  const config = parseConfig(embeddedDefault("/nowhere"), "default", "/");
  expect(config.inference?.engine.modelFile).toBe("/nowhere/docker/engine/model/model.gguf");
});
