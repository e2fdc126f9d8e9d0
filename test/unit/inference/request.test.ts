import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { InferenceRoute } from "../../../src/inference/answer.ts";
import { type InferenceRequest, parseRequest } from "../../../src/inference/request.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const EMBED = "/v1/embeddings";
const HELLO = { model: "tiny", messages: [{ role: "user", content: "hello" }] };

function accepted(route: InferenceRoute, body: unknown): InferenceRequest {
  const parsed = parseRequest(route, body);
  if (parsed.kind === "refused") throw new Error(parsed.error.message);
  return parsed.request;
}

describe("a request", () => {
  const requests: readonly [string, InferenceRoute, unknown, Partial<InferenceRequest>][] = [
    ["is a whole answer unless it asks for a stream", CHAT, HELLO, { stream: false, wantsUsage: false }],
    [
      "takes null for not asked",
      CHAT,
      { ...HELLO, stream: null, stream_options: null, max_tokens: null },
      { stream: false },
    ],
    ["streams when asked", CHAT, { ...HELLO, stream: true }, { stream: true, wantsUsage: false }],
    [
      "gets usage when asked",
      CHAT,
      { ...HELLO, stream: true, stream_options: { include_usage: true } },
      { wantsUsage: true },
    ],
    ["takes the older limit", CHAT, { ...HELLO, max_tokens: 7 }, { maxTokens: 7 }],
    ["takes the newer limit first", CHAT, { ...HELLO, max_tokens: 7, max_completion_tokens: 9 }, { maxTokens: 9 }],
    ["may be a prompt", TEXT, { model: "tiny", prompt: "12345678" }, { tokensInGuess: 3 }],
    ["may be a prompt of tokens", TEXT, { model: "tiny", prompt: [1, 2, 3] }, { tokensInGuess: 2 }],
    ["may be an empty prompt", TEXT, { model: "tiny", prompt: "" }, { tokensInGuess: 1 }],
    ["may be several inputs", EMBED, { model: "tiny", input: ["ab", "cd"] }, { tokensInGuess: 3 }],
    ["is guessed from what the model reads", CHAT, HELLO, { tokensInGuess: 9 }],
  ];
  test.each(requests)("%s", (_title, route, body, expected) => {
    expect(accepted(route, body)).toMatchObject({ model: "tiny", ...expected });
  });

  test("goes to the engine with every field the gateway does not know", () => {
    const body = { ...HELLO, seed: 7, logprobs: true, tools: [{ type: "function" }], temperature: 0.2 };
    expect(accepted(CHAT, body).body).toEqual(body);
  });

  test("has usage asked for when it streams, whatever else its options say", () => {
    const body = { ...HELLO, stream: true, stream_options: { include_usage: false, chunk: 3 } };
    expect(accepted(CHAT, body).body).toEqual({ ...body, stream_options: { include_usage: true, chunk: 3 } });
    expect(accepted(CHAT, { ...HELLO, stream: true }).body).toMatchObject({ stream_options: { include_usage: true } });
  });

  test("without a limit has none", () => {
    expect(accepted(CHAT, HELLO)).not.toHaveProperty("maxTokens");
  });
});

describe("a hostile body", () => {
  const bodies: readonly [string, InferenceRoute, unknown, string | undefined][] = [
    ["nothing", CHAT, undefined, undefined],
    ["null", CHAT, null, undefined],
    ["a word", CHAT, "hello", undefined],
    ["a list", CHAT, [HELLO], undefined],
    ["no model", CHAT, { messages: HELLO.messages }, "model"],
    ["an empty model", CHAT, { ...HELLO, model: "" }, "model"],
    ["an endless model", CHAT, { ...HELLO, model: "m".repeat(201) }, "model"],
    ["a model that is an object", CHAT, { ...HELLO, model: { toString: "x" } }, "model"],
    ["no messages", CHAT, { model: "tiny" }, "messages"],
    ["empty messages", CHAT, { ...HELLO, messages: [] }, "messages"],
    ["messages in words", CHAT, { ...HELLO, messages: "hello" }, "messages"],
    ["a message that is a word", CHAT, { ...HELLO, messages: ["hello"] }, "messages.0"],
    ["a message without a role", CHAT, { ...HELLO, messages: [{ content: "x" }] }, "messages.0.role"],
    ["a role like a novel", CHAT, { ...HELLO, messages: [{ role: "r".repeat(65) }] }, "messages.0.role"],
    ["more messages than a talk has", CHAT, { ...HELLO, messages: Array(1001).fill({ role: "user" }) }, "messages"],
    ["a stream in words", CHAT, { ...HELLO, stream: "yes" }, "stream"],
    ["stream options in words", CHAT, { ...HELLO, stream_options: "usage" }, "stream_options"],
    [
      "usage asked for in words",
      CHAT,
      { ...HELLO, stream_options: { include_usage: 1 } },
      "stream_options.include_usage",
    ],
    ["a negative limit", CHAT, { ...HELLO, max_tokens: -1 }, "max_tokens"],
    ["a limit of half a token", CHAT, { ...HELLO, max_tokens: 0.5 }, "max_tokens"],
    ["a limit of nothing", CHAT, { ...HELLO, max_tokens: 0 }, "max_tokens"],
    ["a limit beyond all integers", CHAT, { ...HELLO, max_completion_tokens: 1e300 }, "max_completion_tokens"],
    ["a limit without end", CHAT, { ...HELLO, max_tokens: Number.POSITIVE_INFINITY }, "max_tokens"],
    ["no prompt", TEXT, { model: "tiny", messages: HELLO.messages }, "prompt"],
    ["a prompt that is an object", TEXT, { model: "tiny", prompt: {} }, "prompt"],
    ["no input", EMBED, { model: "tiny", prompt: "x" }, "input"],
  ];
  test.each(bodies)("%s is refused in OpenAI's shape, naming the field", (_title, route, body, param) => {
    const parsed = parseRequest(route, body);
    expect(parsed).toMatchObject({
      kind: "refused",
      error: { status: 400, code: "invalid_value", type: "invalid_request_error", ...(param ? { param } : {}) },
    });
    if (parsed.kind === "refused")
      expect(parsed.error.message).toMatch(param ? new RegExp(`^${param}: \\S`) : /^the body must be a JSON object$/);
  });

  test("is told what was wanted and what it holds", () => {
    const messageOf = (body: unknown) => {
      const parsed = parseRequest(CHAT, body);
      return parsed.kind === "refused" ? parsed.error.message : "";
    };
    expect(messageOf({ model: "tiny" })).toBe("messages: wanted a list of messages, got nothing");
    expect(messageOf({ ...HELLO, max_tokens: "ten" })).toBe('max_tokens: wanted a whole number of tokens, got "ten"');
    expect(messageOf({ ...HELLO, n: 2 })).toMatch(/^n: wanted 1, because .*, got 2$/);
  });

  test("cannot reach into a prototype", () => {
    const body = JSON.parse(
      '{"model":"tiny","messages":[{"role":"user","__proto__":{"role":"x"}}],"__proto__":{"stream":true}}',
    );
    const { body: forwarded, stream } = accepted(CHAT, body);
    expect(stream).toBe(false);
    expect(Object.getPrototypeOf(forwarded)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).stream).toBeUndefined();
  });

  test("of any JSON gets an answer and never a crash", () => {
    const field = fc.constantFrom("model", "messages", "prompt", "input", "stream", "stream_options", "max_tokens");
    const body = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()));
    fc.assert(
      fc.property(fc.constantFrom<InferenceRoute>(CHAT, TEXT, EMBED), body, (route, anything) => {
        expect(["request", "refused"]).toContain(parseRequest(route, anything).kind);
      }),
    );
  });
});
