import { describe, expect, test } from "vitest";
import type { InferenceRoute } from "../../../src/inference/answer.ts";
import { objectToFields } from "../../../src/inference/engines/built-in-fields.ts";

const CHAT: InferenceRoute = "/v1/chat/completions";
const TEXT: InferenceRoute = "/v1/completions";
const HELLO = { model: "tiny", messages: [{ role: "user", content: "hello" }] };

describe("the built-in engine's fields", () => {
  const fine: readonly [string, InferenceRoute, Readonly<Record<string, unknown>>][] = [
    ["no field but the messages", CHAT, HELLO],
    [
      "fields that ask for nothing",
      CHAT,
      { ...HELLO, tools: [], logprobs: false, tool_choice: "auto", logit_bias: {} },
    ],
    ["null for not asked", CHAT, { ...HELLO, temperature: null, tools: null, audio: null, stop: null }],
    ["the ends of the ranges", CHAT, { ...HELLO, temperature: 2, top_p: 0, presence_penalty: -2, seed: -1 }],
    ["text parts", CHAT, { messages: [{ role: "user", content: [{ type: "text", text: "a" }] }] }],
    ["an assistant without words", CHAT, { messages: [{ role: "assistant", tool_calls: [] }] }],
    ["options of a stream", CHAT, { ...HELLO, stream: true, stream_options: { include_usage: true } }],
    ["a field nobody knows", CHAT, { ...HELLO, chat_template_kwargs: { a: 1 } }],
    ["a list of one prompt", TEXT, { prompt: ["a"], stop: ["b", "c"] }],
  ];
  test.each(fine)("may be %s", (_title, route, body) => {
    expect(objectToFields(route, body)).toBeUndefined();
  });

  const wrong: readonly [string, InferenceRoute, Readonly<Record<string, unknown>>][] = [
    ["temperature: wanted a number from 0 to 2, got 9", CHAT, { ...HELLO, temperature: 9 }],
    ["top_p: wanted a number from 0 to 1, got -1", CHAT, { ...HELLO, top_p: -1 }],
    ['frequency_penalty: wanted a number from -2 to 2, got "2"', CHAT, { ...HELLO, frequency_penalty: "2" }],
    ["seed: wanted a whole number, got 0.5", CHAT, { ...HELLO, seed: 0.5 }],
    ["stop: wanted a text, or up to four of them, got a list of 5", CHAT, { ...HELLO, stop: [..."abcde"] }],
    [
      "stream_options: wanted nothing where stream is not true, got an object",
      CHAT,
      { ...HELLO, stream_options: { include_usage: true } },
    ],
    [
      "prompt: wanted one text, which is all that this rig's engine reads, got a list of 3",
      TEXT,
      { prompt: [1, 2, 3] },
    ],
  ];
  test.each(wrong)("are refused: %s", (words, route, body) => {
    expect(objectToFields(route, body)).toMatchObject({ status: 400, code: "invalid_value", message: words });
  });

  test("that it does not have are refused as unsupported, by name", () => {
    expect(objectToFields(CHAT, { ...HELLO, tools: [{ type: "function" }] })).toMatchObject({
      code: "unsupported_parameter",
      param: "tools",
      message: "tools: wanted an empty list, which is all that this rig's engine knows, got a list of 1",
    });
    for (const field of [
      { logprobs: true },
      { response_format: { type: "json_object" } },
      { echo: true },
      { best_of: 2 },
    ])
      expect(objectToFields(CHAT, { ...HELLO, ...field })).toMatchObject({ code: "unsupported_parameter" });
  });

  test("hold texts of people and assistants only", () => {
    const image = { role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] };
    for (const message of [{ role: "tool", content: "a" }, { role: "user" }, image])
      expect(objectToFields(CHAT, { messages: [HELLO.messages[0], message] })).toMatchObject({ param: "messages.1" });
  });
});
