import { z } from "zod";
import { ApiError } from "./errors.ts";

export interface Sampling {
  /** Absent: the engine draws one. */
  seed: number | undefined;
  /** Absent: the model's own default. */
  temperature: number | undefined;
  topP: number | undefined;
  frequencyPenalty: number;
  presencePenalty: number;
}

export interface GenerationSettings {
  model: string;
  stream: boolean;
  includeUsage: boolean;
  /** Absent: as much as the context holds. */
  maxTokens: number | undefined;
  stop: string[];
  sampling: Sampling;
}

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  text: string;
}

const COMPLETION_DEFAULT_MAX_TOKENS = 16;

/** Fields the engine does not have; each is let through only with a value that asks for nothing. */
const UNSUPPORTED: Record<string, (value: unknown) => boolean> = {
  n: (value) => value === 1,
  best_of: (value) => value === 1,
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  logit_bias: (value) => typeof value === "object" && Object.keys(value ?? {}).length === 0,
  tools: isEmptyArray,
  tool_choice: (value) => value === "none" || value === "auto",
  functions: isEmptyArray,
  function_call: (value) => value === "none" || value === "auto",
  response_format: (value) => (value as { type?: unknown }).type === "text",
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
  audio: () => false,
  prediction: () => false,
  web_search_options: () => false,
  suffix: (value) => value === "",
  echo: (value) => value === false,
};

const text = z.string();
const content = z.union([text, z.array(z.object({ type: z.literal("text"), text }))], {
  error: "must be a string or an array of text parts",
});

const common = {
  model: z.string().min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  seed: z.int().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  max_tokens: z.int().min(1).nullish(),
  stop: z.union([text, z.array(text).max(4)], { error: "must be a string or up to four strings" }).nullish(),
};

const chatBody = z.object({
  ...common,
  max_completion_tokens: z.int().min(1).nullish(),
  messages: z
    .array(
      z.discriminatedUnion(
        "role",
        [
          z.object({ role: z.enum(["system", "developer", "user"]), content }),
          z.object({ role: z.literal("assistant"), content: content.nullish() }),
        ],
        { error: "must be a message whose role is system, developer, user or assistant" },
      ),
    )
    .min(1),
});

const completionBody = z.object({
  ...common,
  prompt: z.union([text, z.array(text).length(1)], { error: "must be one string" }),
});

export function parseChat(body: unknown): { settings: GenerationSettings; messages: ChatMessage[] } {
  const chat = parse(chatBody, body);
  const messages = chat.messages.map(({ role, content: given }): ChatMessage => {
    // A developer message is what newer clients call a system message.
    return { role: role === "developer" ? "system" : role, text: plainText(given ?? "") };
  });
  return { settings: settingsOf(chat, chat.max_completion_tokens ?? chat.max_tokens ?? undefined), messages };
}

export function parseCompletion(body: unknown): { settings: GenerationSettings; prompt: string } {
  const completion = parse(completionBody, body);
  const prompt = typeof completion.prompt === "string" ? completion.prompt : (completion.prompt[0] ?? "");
  return { settings: settingsOf(completion, completion.max_tokens ?? COMPLETION_DEFAULT_MAX_TOKENS), prompt };
}

function settingsOf(body: z.infer<z.ZodObject<typeof common>>, maxTokens: number | undefined): GenerationSettings {
  if (body.stream_options && body.stream !== true) {
    throw invalid("stream_options", "is only allowed when stream is true", "invalid_value");
  }
  const stop = typeof body.stop === "string" ? [body.stop] : (body.stop ?? []);
  return {
    model: body.model,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    maxTokens,
    stop: stop.filter((sequence) => sequence !== ""),
    sampling: {
      seed: body.seed ?? undefined,
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      frequencyPenalty: body.frequency_penalty ?? 0,
      presencePenalty: body.presence_penalty ?? 0,
    },
  };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ApiError({ status: 400, message: "the request body must be a JSON object", code: "invalid_value" });
  }
  refuseUnsupported(body as Record<string, unknown>);
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = fieldName(issue?.path ?? []);
  if (issue?.code === "invalid_type" && valueAt(body, issue.path) === undefined) {
    throw invalid(field, "is required", "missing_required_parameter");
  }
  throw invalid(field, issue?.message ?? "is not valid", "invalid_value");
}

function refuseUnsupported(body: Record<string, unknown>): void {
  for (const [field, asksForNothing] of Object.entries(UNSUPPORTED)) {
    const value = body[field];
    if (value === undefined || value === null || asksForNothing(value)) continue;
    const what = field === "n" ? "must be 1" : "is not supported by this engine";
    throw invalid(field, what, "unsupported_parameter");
  }
}

function invalid(param: string, what: string, code: string): ApiError {
  return new ApiError({ status: 400, message: `${param}: ${what}`, code, param });
}

function plainText(given: z.infer<typeof content>): string {
  return typeof given === "string" ? given : given.map((part) => part.text).join("");
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.map((key, at) => (typeof key === "number" ? `[${key}]` : `${at > 0 ? "." : ""}${String(key)}`)).join("");
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value: unknown, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], body);
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
