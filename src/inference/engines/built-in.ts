import { fileURLToPath } from "node:url";
import type { GpuUuid } from "../../ledger/rows.ts";
import { seconds } from "../../units/time.ts";
import type { WorkSpec } from "../../workloads/driver.ts";
import type { InferenceRoute } from "../answer.ts";

const PROGRAM = fileURLToPath(new URL("../../../docker/engine/src/main.ts", import.meta.url));

/** What the built-in engine answers. */
export const BUILT_IN_ROUTES: ReadonlySet<InferenceRoute> = new Set(["/v1/chat/completions", "/v1/completions"]);

export interface BuiltInEngineOptions {
  readonly gpu: GpuUuid;
  readonly modelFile: string;
  readonly sha256?: string;
  readonly name?: string;
  readonly contextTokens?: number;
  readonly threads?: number;
  readonly useGpu: boolean;
}

/** How to run the built-in llama.cpp engine as a process of its own. */
export function builtInEngineSpec(options: BuiltInEngineOptions): WorkSpec {
  const { gpu, modelFile, sha256, name, contextTokens, threads, useGpu } = options;
  const optional = (flag: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [flag, String(value)];
  return {
    name: `engine-${gpu}`,
    role: "engine",
    gpu,
    command: process.execPath,
    args: [
      PROGRAM,
      "--model",
      modelFile,
      "--host",
      "127.0.0.1",
      "--port",
      "0",
      "--gpu",
      useGpu ? "auto" : "off",
      "--exit-with-stdin",
      ...optional("--sha256", sha256),
      ...optional("--name", name),
      ...optional("--context", contextTokens),
      ...optional("--threads", threads),
    ],
    startTimeout: seconds(120),
    stopTimeout: seconds(5),
  };
}
