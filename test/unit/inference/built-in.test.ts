import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { builtInEngineSpec } from "../../../src/inference/engines/built-in.ts";

const OPTIONS = { gpu: "GPU-1", modelFile: "/models/my tiny.gguf", useGpu: true } as const;
const argument = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];

describe("the built-in engine's process", () => {
  test("runs a program that is there, on loopback, at a free port, and ends with its parent", () => {
    const { command, args, name, role, gpu } = builtInEngineSpec(OPTIONS);
    expect({ command, name, role, gpu }).toEqual({
      command: process.execPath,
      name: "engine-GPU-1",
      role: "engine",
      gpu: "GPU-1",
    });
    expect(existsSync(args[0] ?? "")).toBe(true);
    expect([argument(args, "--host"), argument(args, "--port")]).toEqual(["127.0.0.1", "0"]);
    expect(args).toContain("--exit-with-stdin");
  });

  test("gets a path with a space as one argument", () => {
    expect(argument(builtInEngineSpec(OPTIONS).args, "--model")).toBe("/models/my tiny.gguf");
  });

  test("leaves to the engine what is not configured", () => {
    const { args } = builtInEngineSpec(OPTIONS);
    for (const flag of ["--sha256", "--name", "--context", "--threads"]) expect(args).not.toContain(flag);
  });

  test("is told everything that is configured", () => {
    const more = { sha256: "ab", name: "tiny", contextTokens: 512, threads: 2, useGpu: false };
    const { args } = builtInEngineSpec({ ...OPTIONS, ...more });
    const flags = ["--sha256", "--name", "--context", "--threads", "--gpu"];
    expect(flags.map((flag) => argument(args, flag))).toEqual(["ab", "tiny", "512", "2", "off"]);
  });
});
