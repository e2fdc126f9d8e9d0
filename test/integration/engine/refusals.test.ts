import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complete, installEngine, MODEL_NAME, post, type RunningEngine, startEngine, user } from "./engine-process.ts";

const CHAT = "/v1/chat/completions";
const COMPLETION = "/v1/completions";

let engine: RunningEngine;

beforeAll(async () => {
  installEngine();
  engine = await startEngine();
});
afterAll(async () => {
  await engine.stop();
});

const chat = (more: object) => ({ model: MODEL_NAME, messages: user("hello"), ...more });

const cases: ReadonlyArray<
  readonly [title: string, path: string, body: unknown, status: number, param: string | null]
> = [
  ["cut-off JSON", CHAT, '{"model":', 400, null],
  ["nothing", CHAT, "", 400, null],
  ["an array", CHAT, [], 400, null],
  ["a very deep array", CHAT, "[".repeat(500_000), 400, null],
  ["no model", CHAT, { messages: user("hello") }, 400, "model"],
  ["an unknown model", CHAT, chat({ model: "gpt-4" }), 404, "model"],
  ["no messages", CHAT, { model: MODEL_NAME }, 400, "messages"],
  ["an empty list of messages", CHAT, chat({ messages: [] }), 400, "messages"],
  ["a message without content", CHAT, chat({ messages: [{ role: "user" }] }), 400, "messages[0].content"],
  ["an unknown role", CHAT, chat({ messages: [{ role: "tool", content: "x" }] }), 400, "messages[0].role"],
  [
    "an image",
    CHAT,
    chat({ messages: user([{ type: "image_url", image_url: { url: "x" } }]) }),
    400,
    "messages[0].content",
  ],
  ["a temperature that is text", CHAT, chat({ temperature: "hot" }), 400, "temperature"],
  ["a temperature above 2", CHAT, chat({ temperature: 2.1 }), 400, "temperature"],
  ["top_p above 1", CHAT, chat({ top_p: 1.1 }), 400, "top_p"],
  ["no tokens", CHAT, chat({ max_tokens: 0 }), 400, "max_tokens"],
  ["half a token", CHAT, chat({ max_completion_tokens: 1.5 }), 400, "max_completion_tokens"],
  ["a seed that is no whole number", CHAT, chat({ seed: 0.5 }), 400, "seed"],
  ["five stop sequences", CHAT, chat({ stop: ["a", "b", "c", "d", "e"] }), 400, "stop"],
  ["stream options without a stream", CHAT, chat({ stream_options: {} }), 400, "stream_options"],
  ["two choices", CHAT, chat({ n: 2 }), 400, "n"],
  ["log probabilities", CHAT, chat({ logprobs: true }), 400, "logprobs"],
  ["tools", CHAT, chat({ tools: [{ type: "function" }] }), 400, "tools"],
  ["a response format", CHAT, chat({ response_format: { type: "json_object" } }), 400, "response_format"],
  ["a bias", CHAT, chat({ logit_bias: { 5: 1 } }), 400, "logit_bias"],
  ["a prompt that is a number", COMPLETION, { model: MODEL_NAME, prompt: 5 }, 400, "prompt"],
  ["two prompts", COMPLETION, { model: MODEL_NAME, prompt: ["a", "b"] }, 400, "prompt"],
  ["an echo", COMPLETION, { model: MODEL_NAME, prompt: "a", echo: true }, 400, "echo"],
  ["a body above one MiB", CHAT, `"${"a".repeat(1_100_000)}"`, 413, null],
];

test.each(cases)("refuses %s", async (...row) => {
  const [, path, body, status, param] = row;
  const response = await post(engine, path, body);
  expect(response.status).toBe(status);
  const { error } = (await response.json()) as {
    error: { message: string; type: string; param: unknown; code: string };
  };
  expect(error).toMatchObject({ type: "invalid_request_error", param });
  expect(error.message).not.toBe("");
  expect(error.code).not.toBe("");
});

test("lets unsupported fields through that ask for nothing", async () => {
  const nothing = {
    n: 1,
    logprobs: false,
    tools: [],
    tool_choice: "none",
    response_format: { type: "text" },
    stop: null,
  };
  const { usage } = await complete(engine, CHAT, chat({ ...nothing, user: "x", store: false, max_tokens: 2 }));
  expect(usage.completion_tokens).toBe(2);
});

test("refuses another content type", async () => {
  const response = await fetch(`${engine.url}${CHAT}`, { method: "POST", body: JSON.stringify(chat({})) });
  expect(response.status).toBe(415);
});

test("refuses an unknown route and a wrong method, naming the right one", async () => {
  expect((await fetch(`${engine.url}/v1/embeddings`)).status).toBe(404);
  const response = await fetch(`${engine.url}${CHAT}`);
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")).toBe("POST");
});

test("refuses a foreign Host name, so that a web page cannot re-point its own", async () => {
  const status = await new Promise((resolve, reject) => {
    const { host, port } = engine.listening;
    const asking = httpRequest({ host, port, path: "/v1/models", headers: { host: "evil.example" } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asking.on("error", reject).end();
  });
  expect(status).toBe(403);
});

test("still answers after every refusal", async () => {
  expect((await complete(engine, CHAT, chat({ temperature: 0 }))).choices[0]?.message?.content).not.toBe("");
});
