import { describe, expect, test } from "vitest";
import { seconds } from "../../../src/units/time.ts";
import { toChunk } from "../../support/fake-inference-port.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/until.ts";
import { ask, open, post, startAgent } from "./harness.ts";

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

describe("a whole answer", () => {
  test("is passed on with its status, and the body reaches the gateway untouched", async () => {
    await using agent = await startAgent();
    agent.inference.script = () => ({ kind: "json", status: 207, body: { id: "x", usage: { total_tokens: 8 } } });
    const body = { model: "rigshift-tiny", messages: [{ role: "user", content: "häß" }], seed: 7, logprobs: true };
    const { status, json } = await post(agent, "/v1/chat/completions", body);
    expect({ status, json }).toEqual({ status: 207, json: { id: "x", usage: { total_tokens: 8 } } });
    expect(agent.inference.calls).toMatchObject([{ route: "/v1/chat/completions", body }]);
  });

  test("comes from the route that was asked", async () => {
    await using agent = await startAgent();
    for (const route of ["/v1/completions", "/v1/embeddings"]) await post(agent, route, {});
    expect(agent.inference.calls.map(({ route }) => route)).toEqual(["/v1/completions", "/v1/embeddings"]);
  });

  test("lists the models", async () => {
    await using agent = await startAgent();
    expect((await ask(agent, { path: "/v1/models" })).json).toEqual(agent.inference.models());
  });
});

describe("a refusal", () => {
  test("has OpenAI's shape, with Retry-After in whole seconds", async () => {
    await using agent = await startAgent();
    const error = {
      status: 503,
      code: "engine_waking",
      type: "server_error",
      message: "waking",
      retryAfterS: 1.2,
    } as const;
    agent.inference.script = () => ({ kind: "refused", error });
    const { status, headers, json } = await post(agent, "/v1/chat/completions", {});
    expect({ status, retry: headers["retry-after"] }).toEqual({ status: 503, retry: "2" });
    expect(json).toEqual({ error: { message: "waking", type: "server_error", param: null, code: "engine_waking" } });
  });

  test("names the field that is wrong", async () => {
    await using agent = await startAgent();
    const error = {
      status: 400,
      code: "invalid",
      type: "invalid_request_error",
      message: "no",
      param: "messages",
    } as const;
    agent.inference.script = () => ({ kind: "refused", error });
    const { headers, json } = await post(agent, "/v1/chat/completions", {});
    expect(json).toMatchObject({ error: { param: "messages" } });
    expect(headers).not.toHaveProperty("retry-after");
  });

  test("a gateway that throws is a 500 in OpenAI's shape, without its insides", async () => {
    await using agent = await startAgent();
    agent.inference.script = () => Promise.reject(new Error("ENOENT /root/model.gguf"));
    const { status, json, text } = await post(agent, "/v1/chat/completions", {});
    expect({ status, json }).toMatchObject({ status: 500, json: { error: { type: "server_error", param: null } } });
    expect(text).not.toContain("gguf");
  });
});

describe("a stream", () => {
  test("is passed on byte for byte, chunk by chunk", async () => {
    await using agent = await startAgent();
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    agent.inference.script = () => ({
      kind: "stream",
      chunks: (async function* () {
        yield toChunk({ delta: "a" });
        await gate;
        yield toChunk("[DONE]");
      })(),
    });
    const stream = await open(agent, chat());
    expect(stream.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    const pieces: string[] = [];
    for await (const piece of stream) {
      pieces.push(String(piece));
      release();
    }
    expect(pieces).toEqual(['data: {"delta":"a"}\n\n', "data: [DONE]\n\n"]);
  });

  test("sends its head before the first token", async () => {
    await using agent = await startAgent();
    agent.inference.script = ({ signal }) => ({ kind: "stream", chunks: silentUntil(signal) });
    const stream = await open(agent, chat());
    expect(stream.statusCode).toBe(200);
    stream.destroy();
  });

  test("is aborted, and its source ended, when the client goes away", async () => {
    await using agent = await startAgent();
    let ended = false;
    agent.inference.script = ({ signal }) => ({
      kind: "stream",
      chunks: (async function* () {
        try {
          yield toChunk("first");
          await aborted(signal);
          yield toChunk("too late");
        } finally {
          ended = true;
        }
      })(),
    });
    const stream = await open(agent, chat());
    stream.once("data", () => stream.destroy());
    await until(() => ended);
    expect(agent.inference.calls[0]?.signal.aborted).toBe(true);
  });

  test("waits for a slow client instead of piling up, and drops one that takes nothing for 30 s", async () => {
    const clock = new ManualClock();
    await using agent = await startAgent({ clock });
    let made = 0;
    let ended = false;
    const chunk = new Uint8Array(64 * 1024).fill(120);
    agent.inference.script = () => ({
      kind: "stream",
      chunks: (async function* () {
        try {
          for (; made < 4000; made += 1) yield await Promise.resolve(chunk);
        } finally {
          ended = true;
        }
      })(),
    });
    const stream = await open(agent, chat());
    stream.pause();
    stream.on("error", () => undefined);
    await until(() => clock.waiting === 1);
    expect(made).toBeLessThan(400);
    await clock.advance(seconds(30));
    await until(() => ended);
    expect(agent.inference.calls[0]?.signal.aborted).toBe(true);
  });

  test("that breaks off says so in the stream", async () => {
    await using agent = await startAgent();
    agent.inference.script = () => ({
      kind: "stream",
      chunks: (async function* () {
        yield await Promise.resolve(toChunk("first"));
        throw new Error("engine at 127.0.0.1:9999 died");
      })(),
    });
    const { status, text } = await ask(agent, chat());
    expect(status).toBe(200);
    expect(text).toContain('"code":"stream_broken"');
    expect(text).not.toContain("9999");
  });
});

test("a client that leaves while it waits aborts the call", async () => {
  await using agent = await startAgent();
  agent.inference.script = async ({ signal }) => {
    await aborted(signal);
    return { kind: "refused", error: { status: 499, code: "gone", type: "server_error", message: "client gone" } };
  };
  const controller = new AbortController();
  const answer = fetch(`${agent.server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
    signal: controller.signal,
  });
  await until(() => agent.inference.calls.length === 1);
  controller.abort();
  await expect(answer).rejects.toThrow();
  await aborted(agent.inference.calls[0]?.signal ?? AbortSignal.abort());
  expect((await ask(agent, { path: "/healthz" })).status).toBe(200);
});

test("stopping aborts answers that still run", async () => {
  const agent = await startAgent();
  agent.inference.script = ({ signal }) => ({ kind: "stream", chunks: silentUntil(signal) });
  const stream = await open(agent, chat());
  stream.resume();
  stream.on("error", () => undefined);
  await agent[Symbol.asyncDispose]();
  expect(agent.inference.calls[0]?.signal.aborted).toBe(true);
});

const chat = () => ({
  method: "POST",
  path: "/v1/chat/completions",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ stream: true }),
});

async function* silentUntil(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await aborted(signal);
  yield* [];
}
