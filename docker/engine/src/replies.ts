import { randomUUID } from "node:crypto";
import type { Finished, Usage } from "./generation.ts";
import type { LoadedModel } from "./model.ts";

/** The two request kinds differ only in names and in where the text stands. */
export interface Reply {
  first: () => unknown[];
  chunk: (text: string) => unknown;
  last: (finished: Finished) => unknown;
  usageChunk: (usage: Usage) => unknown;
  whole: (text: string, finished: Finished) => unknown;
}

function usageOf({ promptTokens, completionTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function heading(prefix: string, object: string, { name, backend }: LoadedModel) {
  return {
    id: `${prefix}-${randomUUID()}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: name,
    // The same seed gives the same text only on the same backend.
    system_fingerprint: `rigshift-engine-${backend}`,
  };
}

export function chatReply(loaded: LoadedModel, includeUsage: boolean): Reply {
  const head = heading("chatcmpl", "chat.completion.chunk", loaded);
  const noUsage = includeUsage ? { usage: null } : {};
  const chunk = (delta: object, finish_reason: string | null = null) => {
    return { ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason }], ...noUsage };
  };
  return {
    first: () => [chunk({ role: "assistant", content: "" })],
    chunk: (content) => chunk({ content }),
    last: ({ finishReason }) => chunk({}, finishReason),
    usageChunk: (usage) => ({ ...head, choices: [], usage: usageOf(usage) }),
    whole: (content, finished) => ({
      ...head,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content, refusal: null },
          logprobs: null,
          finish_reason: finished.finishReason,
        },
      ],
      usage: usageOf(finished),
    }),
  };
}

export function completionReply(loaded: LoadedModel, includeUsage: boolean): Reply {
  const head = heading("cmpl", "text_completion", loaded);
  const noUsage = includeUsage ? { usage: null } : {};
  const choice = (text: string, finish_reason: string | null = null) => {
    return { ...head, choices: [{ index: 0, text, logprobs: null, finish_reason }] };
  };
  return {
    first: () => [],
    chunk: (text) => ({ ...choice(text), ...noUsage }),
    last: ({ finishReason }) => ({ ...choice("", finishReason), ...noUsage }),
    usageChunk: (usage) => ({ ...head, choices: [], usage: usageOf(usage) }),
    whole: (text, finished) => ({ ...choice(text, finished.finishReason), usage: usageOf(finished) }),
  };
}

export function modelList({ name, createdS, contextTokens, label }: LoadedModel) {
  const meta = label === null ? { contextTokens } : { contextTokens, label };
  return { object: "list", data: [{ id: name, object: "model", created: createdS, owned_by: "rigshift", meta }] };
}
