import { z } from "zod";
import type { InferenceRoute, OpenAiError } from "../answer.ts";
import { toOpenAiError } from "../request.ts";

const only = (words: string, asksForNothing: (value: unknown) => boolean) =>
  z
    .custom((value) => value == null || asksForNothing(value), `${words}, which is all that this rig's engine knows`)
    .optional();

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;
const isNoCall = (value: unknown): boolean => value === "none" || value === "auto";
const isText = (value: unknown): boolean => z.object({ type: z.literal("text") }).safeParse(value).success;
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.length === 1 && value[0] === "text";

/** What the engine does not have may be named with a value that asks for nothing. */
const UNSUPPORTED = {
  best_of: only("1", (value) => value === 1),
  logprobs: only("false", (value) => value === false),
  top_logprobs: only("0", (value) => value === 0),
  logit_bias: only("an empty object", isEmpty),
  tools: only("an empty list", (value) => Array.isArray(value) && value.length === 0),
  tool_choice: only("none or auto", isNoCall),
  functions: only("an empty list", (value) => Array.isArray(value) && value.length === 0),
  function_call: only("none or auto", isNoCall),
  response_format: only("{ type: text }", isText),
  modalities: only("[text]", isTextList),
  audio: only("nothing", () => false),
  prediction: only("nothing", () => false),
  web_search_options: only("nothing", () => false),
  suffix: only("an empty text", (value) => value === ""),
  echo: only("false", (value) => value === false),
};

const range = (least: number, most: number) => {
  const words = `a number from ${least} to ${most}`;
  return z.number(words).min(least, words).max(most, words).nullish();
};

const STOP = "a text, or up to four of them";
const common = {
  ...UNSUPPORTED,
  seed: z.int("a whole number").nullish(),
  temperature: range(0, 2),
  top_p: range(0, 1),
  frequency_penalty: range(-2, 2),
  presence_penalty: range(-2, 2),
  stop: z.union([z.string(), z.array(z.string()).max(4)], STOP).nullish(),
};

const CONTENT = "a text, or a list of text parts";
const content = z.union([z.string(), z.array(z.object({ type: z.literal("text"), text: z.string() }))], CONTENT);
const SPEAKERS = "system, developer, user or assistant, which is all that this rig's engine knows";
const message = z.union(
  [
    z.object({ role: z.enum(["system", "developer", "user"]), content }),
    z.object({ role: z.literal("assistant"), content: content.nullish() }),
  ],
  `a message of ${SPEAKERS}, with ${CONTENT} as its content`,
);

const schemas: Readonly<Record<InferenceRoute, z.ZodType>> = {
  "/v1/chat/completions": z.object({ ...common, messages: z.array(message) }),
  "/v1/completions": z.object({
    ...common,
    prompt: z.union([z.string(), z.array(z.string()).length(1)], "one text, which is all that this rig's engine reads"),
  }),
  "/v1/embeddings": z.object({}),
};

/** What the built-in engine would refuse with 400, told without waking it; everything it reads is looked at. */
export function objectToFields(
  route: InferenceRoute,
  body: Readonly<Record<string, unknown>>,
): OpenAiError | undefined {
  if (body.stream !== true && body.stream_options != null) return STRAY_OPTIONS;
  const parsed = schemas[route].safeParse(body);
  if (parsed.success) return undefined;
  const error = toOpenAiError(parsed.error, body);
  return error.param !== undefined && Object.hasOwn(UNSUPPORTED, error.param)
    ? { ...error, code: "unsupported_parameter" }
    : error;
}

const STRAY_OPTIONS: OpenAiError = {
  status: 400,
  code: "invalid_value",
  type: "invalid_request_error",
  message: "stream_options: wanted nothing where stream is not true, got an object",
  param: "stream_options",
};
