import {
  type BuiltInChatWrapperType,
  getLlama,
  InsufficientMemoryError,
  type Llama,
  type LlamaContextSequence,
  LlamaLogLevel,
  LlamaLogLevelGreaterThanOrEqual,
  type LlamaModel,
  resolveChatWrapper,
} from "node-llama-cpp";
import type { EngineOptions } from "./args.ts";
import { messageOf, StartError } from "./errors.ts";
import { log } from "./log.ts";

export type Backend = "cpu" | "cuda" | "vulkan" | "metal";

export interface SamplingDefaults {
  temperature: number;
  topP: number;
}

export interface LoadedModel {
  name: string;
  backend: Backend;
  threads: number;
  contextTokens: number;
  /** What the model's own metadata says it is; null for a model without such a label. */
  label: string | null;
  createdS: number;
  sampling: SamplingDefaults;
  model: LlamaModel;
  sequence: LlamaContextSequence;
  chat: BuiltInChatWrapperType;
}

/** A long-context model would otherwise take memory for a context that nobody asked for. */
const LARGEST_DEFAULT_CONTEXT = 8192;

export async function loadModel(options: EngineOptions): Promise<LoadedModel> {
  const complaints = new Complaints();
  const llama = await openBackend(options, (level, message) => complaints.hear(level, message));
  const model = await openModel(llama, options, complaints);
  const sequence = await openSequence(model, options);
  const chat = resolveChatWrapper(model, { warningLogs: false });
  complaints.ready = true;
  return {
    name: options.name,
    backend: llama.gpu === false ? "cpu" : llama.gpu,
    threads: options.threads,
    contextTokens: Math.min(sequence.contextSize, options.context ?? sequence.contextSize),
    label: labelOf(model),
    createdS: Math.floor(Date.now() / 1000),
    sampling: samplingOf(model),
    model,
    sequence,
    chat,
  };
}

/** While loading, llama.cpp's complaints are kept: the first becomes the one line that says why the start failed. */
class Complaints {
  ready = false;
  first: string | undefined;

  hear(level: LlamaLogLevel, message: string): void {
    const text = message.trim();
    if (this.ready && LlamaLogLevelGreaterThanOrEqual(level, LlamaLogLevel.warn)) log(text);
    else if (LlamaLogLevelGreaterThanOrEqual(level, LlamaLogLevel.error)) this.first ??= text;
  }
}

async function openBackend(
  options: EngineOptions,
  logger: (level: LlamaLogLevel, message: string) => void,
): Promise<Llama> {
  try {
    return await getLlama({
      gpu: options.gpu === "off" ? false : "auto",
      build: "never",
      skipDownload: true,
      maxThreads: options.threads,
      progressLogs: false,
      logger,
    });
  } catch (error) {
    throw new StartError(
      "ERR_ENGINE_BACKEND",
      `no llama.cpp binary runs on this machine: ${firstLine(error)}`,
      "run docker/engine/install again, or try --gpu off",
      error,
    );
  }
}

async function openModel(
  llama: Llama,
  { model: modelPath }: EngineOptions,
  complaints: Complaints,
): Promise<LlamaModel> {
  try {
    return await llama.loadModel({ modelPath });
  } catch (error) {
    if (error instanceof InsufficientMemoryError) throw tooLarge(error);
    throw new StartError(
      "ERR_MODEL_CORRUPT",
      `${modelPath} does not load: ${complaints.first ?? firstLine(error)}`,
      "fetch the model again; a truncated or damaged file cannot be mended",
      error,
    );
  }
}

async function openSequence(model: LlamaModel, { context, threads }: EngineOptions): Promise<LlamaContextSequence> {
  const most = Math.min(model.trainContextSize, context ?? LARGEST_DEFAULT_CONTEXT);
  try {
    const opened = await model.createContext({ contextSize: context === undefined ? { max: most } : most, threads });
    return opened.getSequence();
  } catch (error) {
    if (error instanceof InsufficientMemoryError) throw tooLarge(error);
    throw new StartError(
      "ERR_ENGINE_BACKEND",
      `a context of ${most} tokens cannot be made: ${firstLine(error)}`,
      "ask for fewer tokens with --context",
      error,
    );
  }
}

function tooLarge(error: unknown): StartError {
  return new StartError(
    "ERR_ENGINE_MEMORY",
    "the model does not fit into the free memory",
    "free memory, use a smaller model, or ask for fewer tokens with --context",
    error,
  );
}

function metadataOf(model: LlamaModel): Record<string, unknown> {
  return model.fileInfo.metadata as unknown as Record<string, unknown>;
}

function labelOf(model: LlamaModel): string | null {
  const own = metadataOf(model).rigshift as { label?: unknown } | undefined;
  return typeof own?.label === "string" ? own.label : null;
}

/** GGUF may carry the sampling its author recommends; without it the defaults are OpenAI's. */
function samplingOf(model: LlamaModel): SamplingDefaults {
  const general = metadataOf(model).general as { sampling?: { temp?: unknown; top_p?: unknown } } | undefined;
  const { temp, top_p } = general?.sampling ?? {};
  return { temperature: typeof temp === "number" ? temp : 1, topP: typeof top_p === "number" ? top_p : 1 };
}

function firstLine(error: unknown): string {
  return messageOf(error).split("\n", 1)[0] ?? "";
}
