import { availableParallelism } from "node:os";
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

/** The same in a container of `image` without a network; `modelFile` is a path inside it. */
export function builtInEngineContainer(image: string, memoryMiB: number, options: BuiltInEngineOptions): WorkSpec {
  const { gpu, threads = availableParallelism() } = options;
  return {
    ...builtInEngineSpec(options),
    command: "",
    args: ["--socket", "/run/rigshift/engine.sock", ...modelFlags(options)],
    container: {
      image,
      profile: "strangers",
      gpus: options.useGpu && /^(GPU|MIG)-/.test(gpu) ? [gpu] : [],
      limits: { memoryMiB, cpus: Math.min(threads + 1, availableParallelism()), pids: 256 },
      ready: { kind: "announced", file: "engine.sock" },
    },
  };
}

/** How to run the built-in llama.cpp engine as a process of its own. */
export function builtInEngineSpec(options: BuiltInEngineOptions): WorkSpec {
  const { gpu } = options;
  return {
    name: `engine-${gpu}`,
    role: "engine",
    gpu,
    command: process.execPath,
    args: [PROGRAM, "--host", "127.0.0.1", "--port", "0", "--exit-with-stdin", ...modelFlags(options)],
    startTimeout: seconds(120),
    stopTimeout: seconds(5),
  };
}

function modelFlags({ modelFile, sha256, name, contextTokens, threads, useGpu }: BuiltInEngineOptions): string[] {
  const optional = (flag: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [flag, String(value)];
  return [
    "--model",
    modelFile,
    "--gpu",
    useGpu ? "auto" : "off",
    ...optional("--sha256", sha256),
    ...optional("--name", name),
    ...optional("--context", contextTokens),
    ...optional("--threads", threads),
  ];
}
