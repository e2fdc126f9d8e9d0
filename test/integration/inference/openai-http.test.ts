import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseEngineFacts, postToEngine, readJson, warmEngine } from "../../../src/inference/engines/openai-http.ts";
import { seconds } from "../../../src/units/time.ts";
import { collect } from "../../support/collect.ts";
import {
  answerAndHang,
  answerEvents,
  answerJson,
  DONE,
  neverAnswer,
  ScriptedEngine,
  textEvent,
} from "../../support/scripted-engine.ts";
import { until } from "../../support/until.ts";

const ROUTE = "/v1/completions";
const NEVER = new AbortController().signal;
const fault = (message: string) =>
  expect.objectContaining({ message, facts: expect.objectContaining({ code: "ERR_ENGINE_ANSWER" }) });

let engine: ScriptedEngine;
beforeEach(async () => {
  engine = await ScriptedEngine.start();
});
afterEach(() => engine[Symbol.asyncDispose]());

const post = (signal = NEVER, silenceLimit = seconds(30)) =>
  postToEngine({ base: engine.base, route: ROUTE, body: { prompt: "a" }, silenceLimit }, signal);

describe("what an engine announces", () => {
  const FACTS = { backend: "cpu", model: "tiny", contextTokens: 512, label: "built-in", slots: 1 };
  test("is taken as it is, with or without a label, and with what it says beyond", () => {
    expect(parseEngineFacts({ ...FACTS, port: 7 }, "http://e")).toEqual(FACTS);
    expect(parseEngineFacts({ ...FACTS, label: null }, "http://e")).not.toHaveProperty("label");
    expect(parseEngineFacts({ ...FACTS, label: "" }, "http://e")).not.toHaveProperty("label");
  });

  test.each([
    ["no model", { model: undefined }],
    ["an empty model", { model: "" }],
    ["an endless model", { model: "m".repeat(201) }],
    ["a context of nothing", { contextTokens: 0 }],
    ["a context in words", { contextTokens: "512" }],
    ["a backend like a novel", { backend: "b".repeat(33) }],
  ])("is refused with %s", (_title, changes) => {
    expect(() => parseEngineFacts({ ...FACTS, ...changes }, "http://e")).toThrow(
      fault("the engine announced itself without backend, model and context"),
    );
  });
});

describe("asking an engine", () => {
  test("posts the body as JSON and tells a stream from a whole answer", async () => {
    const whole = await post();
    expect(whole).toMatchObject({ status: 200, stream: false });
    await collect(whole.chunks);
    engine.script = answerEvents(textEvent("a"), DONE);
    const stream = await post();
    expect(stream.stream).toBe(true);
    expect(Buffer.concat(await collect(stream.chunks)).toString()).toBe(textEvent("a") + DONE);
    expect(engine.requests).toEqual(Array(2).fill({ route: ROUTE, body: { prompt: "a" } }));
  });

  test("follows no redirect, which could lead anywhere", async () => {
    const elsewhere = await ScriptedEngine.start();
    engine.script = (_request, response) => {
      response.writeHead(307, { location: `${elsewhere.base}${ROUTE}` }).end();
    };
    await expect(post()).rejects.toThrow();
    expect(elsewhere.requests).toEqual([]);
    await elsewhere[Symbol.asyncDispose]();
  });

  test("that never begins to answer ends when it has been silent for too long", async () => {
    engine.script = neverAnswer;
    await expect(post(NEVER, seconds(0.5))).rejects.toEqual(fault("the engine fell silent"));
    await until(() => engine.abandoned === 1);
  });

  test("that falls silent in the middle ends with what came before", async () => {
    engine.script = answerAndHang(textEvent("a"));
    const { chunks } = await post(NEVER, seconds(0.05));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of chunks) seen.push(Buffer.from(chunk).toString());
    })();
    await expect(reading).rejects.toEqual(fault("the engine fell silent"));
    expect(seen).toEqual([textEvent("a")]);
    await until(() => engine.abandoned === 1);
  });

  test("is given up with the caller's signal, and the engine notices", async () => {
    engine.script = neverAnswer;
    const stop = new AbortController();
    const asking = post(stop.signal);
    await until(() => engine.requests.length === 1);
    stop.abort();
    await expect(asking).rejects.toMatchObject({ name: "AbortError" });
    await until(() => engine.abandoned === 1);
  });

  test("that has gone is a fault", async () => {
    await engine[Symbol.asyncDispose]();
    await expect(postToEngine({ base: "http://127.0.0.1:1", route: ROUTE, body: {} }, NEVER)).rejects.toThrow(
      "fetch failed",
    );
  });
});

describe("reading a whole answer", () => {
  const read = async () => readJson(await post(), "http://e/v1");

  test("gives what JSON it is", async () => {
    engine.script = answerJson(200, { a: [1, null, "ü"] });
    expect(await read()).toEqual({ a: [1, null, "ü"] });
  });

  test.each([
    ["garbage", "<html>502</html>"],
    ["half of an answer", '{"choices":['],
    ["nothing", ""],
  ])("that is %s is a fault", async (_title, body) => {
    engine.script = answerJson(200, body);
    await expect(read()).rejects.toEqual(fault("the engine's answer is not JSON"));
  });

  test("over 16 MiB is a fault, and the rest is not fetched", async () => {
    engine.script = answerJson(200, `"${"x".repeat(40 << 20)}"`);
    await expect(read()).rejects.toEqual(fault("the engine's answer is over 16 MiB"));
    await until(() => engine.abandoned === 1);
  });
});

describe("warming an engine up", () => {
  test("asks for one token of its own model", async () => {
    await warmEngine(engine.base, "tiny", NEVER);
    expect(engine.requests).toEqual([{ route: ROUTE, body: { model: "tiny", prompt: "a", max_tokens: 1 } }]);
  });

  test("fails with the status that the engine gave", async () => {
    engine.script = answerJson(500, { error: { message: "out of memory" } });
    await expect(warmEngine(engine.base, "tiny", NEVER)).rejects.toEqual(
      fault("the engine answered its warm-up with 500"),
    );
  });
});
