import { z } from "zod";
import { objectionOf } from "../lib/wanted.ts";
import type { InferenceRoute, OpenAiError } from "./answer.ts";

/** Only what the gateway must know; every other field goes to the engine untouched. */
const MODEL = "the name of a model that /v1/models lists";
const YES_NO = "true or false";
const modelName = z.string(MODEL).min(1, MODEL).max(200, MODEL);
const limit = z.int("a whole number of tokens").positive("at least 1 token");
const shared = {
  model: modelName,
  stream: z.boolean(YES_NO).nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean(YES_NO).nullish() }, "an object of options").nullish(),
  max_tokens: limit.nullish(),
  max_completion_tokens: limit.nullish(),
  n: z.literal(1, "1, because one answer per request is all this rig gives").nullish(),
};

const ROLES = ["system", "developer", "user", "assistant", "tool"] as const;

const message = z.looseObject(
  { role: z.enum(ROLES, `one of ${ROLES.join(", ")}`) },
  "a message such as { role, content }",
);
const textOrList = z.union([z.string(), z.array(z.unknown())], "a text, or a list of them");

const schemas: Readonly<Record<InferenceRoute, z.ZodType<z.infer<typeof bodySchema>>>> = {
  "/v1/chat/completions": z.looseObject({
    ...shared,
    messages: z.array(message, "a list of messages").min(1, "at least one message").max(1000, "at most 1000 messages"),
  }),
  "/v1/completions": z.looseObject({ ...shared, prompt: textOrList }),
  "/v1/embeddings": z.looseObject({ ...shared, input: textOrList }),
};
const bodySchema = z.looseObject(shared);

export interface InferenceRequest {
  readonly model: string;
  readonly stream: boolean;
  /** Whether the client itself asked for the usage event of a stream. */
  readonly wantsUsage: boolean;
  readonly maxTokens?: number;
  /** A guess from the size of the text, used only until the engine has counted. */
  readonly tokensInGuess: number;
  /** No tokeniser makes fewer of this text. */
  readonly tokensInAtLeast: number;
  /** What goes to the engine: the client's fields, with usage always asked for. */
  readonly body: Readonly<Record<string, unknown>>;
}

export type ParsedRequest =
  | { readonly kind: "request"; readonly request: InferenceRequest }
  | { readonly kind: "refused"; readonly error: OpenAiError };

const BYTES_PER_TOKEN = 4;
/** Vocabularies hold runs of spaces or dashes up to about this length. */
const LONGEST_TOKEN = 128;
/** Most end a token at a space; the few that do not join up to this many words. */
const MOST_WORDS = 4;

/** Reads what a client sent; the first thing wrong with it comes back as OpenAI's 400. */
export function parseRequest(route: InferenceRoute, body: unknown): ParsedRequest {
  const parsed = schemas[route].safeParse(body);
  if (!parsed.success) return { kind: "refused", error: toOpenAiError(parsed.error, body) };
  const { model, stream, stream_options: options, max_tokens: older, max_completion_tokens: newer } = parsed.data;
  const maxTokens = newer ?? older;
  const text = JSON.stringify(parsed.data.messages ?? parsed.data.prompt ?? parsed.data.input ?? "");
  const streaming = stream === true;
  return {
    kind: "request",
    request: {
      model,
      stream: streaming,
      wantsUsage: options?.include_usage === true,
      ...(maxTokens == null ? {} : { maxTokens }),
      tokensInGuess: Math.ceil(text.length / BYTES_PER_TOKEN),
      tokensInAtLeast: fewestTokens(text),
      body: streaming ? { ...parsed.data, stream_options: { ...options, include_usage: true } } : parsed.data,
    },
  };
}

/** Words are counted by the space before them: what stands for a line break or a tab in JSON is no word. */
function fewestTokens(text: string): number {
  const words = text.match(/ [A-Za-z0-9]/g)?.length ?? 0;
  return Math.floor(Math.max(text.length / LONGEST_TOKEN, words / MOST_WORDS));
}

/** OpenAI's 400 for the first thing that `error` found wrong with `body`. */
export function toOpenAiError(error: z.ZodError, body: unknown): OpenAiError {
  const { path: param, message } = objectionOf(error, body);
  return {
    status: 400,
    code: "invalid_value",
    type: "invalid_request_error",
    message: param ? `${param}: ${message}` : "the body must be a JSON object",
    ...(param ? { param } : {}),
  };
}
