import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { millis } from "../../../src/units/time.ts";
import { collect } from "../../support/collect.ts";
import {
  answerAndBreak,
  answerAndHang,
  answerEvents,
  answerJson,
  DONE,
  type EngineScript,
  textEvent,
  usageEvent,
} from "../../support/scripted-engine.ts";
import { until } from "../../support/until.ts";
import { chunksOf, GatewayHarness, hello, textOf } from "./harness.ts";

let rig: GatewayHarness;
beforeEach(async () => {
  rig = await GatewayHarness.start();
});
afterEach(() => rig[Symbol.asyncDispose]());

const ANSWER = { object: "chat.completion", choices: [{}], usage: { prompt_tokens: 38, completion_tokens: 164 } };
const STREAM = [textEvent("hel"), textEvent("lo"), usageEvent(38, 164), DONE];
/** 38 × 500 + 164 × 1500 nano-USD. */
const PRICE = 265_000;
const PATH = ["queued", "running"];

describe("a request for a whole answer", () => {
  test("stands in the ledger before the engine hears of it, and is booked, paid and released after", async () => {
    let before: unknown;
    rig.engine.script = (request, response) => {
      before = rig.job;
      return answerJson(200, ANSWER)(request, response);
    };
    expect(await rig.ask(hello())).toEqual({ kind: "json", status: 200, body: ANSWER });
    expect(before).toMatchObject({ kind: "completion", workload: "tiny", gpu: "GPU-fake", states: PATH });
    expect(rig.job).toMatchObject({
      outcome: "completed",
      states: [...PATH, "completed"],
      tokensIn: 38,
      tokensOut: 164,
      revenue: PRICE,
      revenueBasis: "estimated",
    });
    expect(rig.gpus.releases).toEqual([{ jobId: rig.job.id, tokensOut: 164 }]);
  });

  test("goes to the engine's own route with what the client sent", async () => {
    await rig.ask({ model: "tiny", input: ["a"], dimensions: 3 }, undefined, "/v1/embeddings");
    expect(rig.engine.requests).toEqual([
      { route: "/v1/embeddings", body: { model: "tiny", input: ["a"], dimensions: 3 } },
    ]);
  });

  test("that the engine did not count is complete and free", async () => {
    rig.engine.script = answerJson(200, { choices: [{}] });
    await rig.ask(hello());
    expect(rig.job).toMatchObject({ outcome: "completed", tokensIn: undefined, tokensOut: undefined });
    expect(rig.job.revenue).toBeUndefined();
  });
});

describe("a streamed answer", () => {
  beforeEach(() => {
    rig.engine.script = answerEvents(...STREAM);
  });

  test("passes event by event, without the count that the client did not ask for", async () => {
    const chunks = await collect(chunksOf(await rig.ask(hello({ stream: true }))));
    expect(chunks.map((chunk) => textOf([chunk]))).toEqual([textEvent("hel"), textEvent("lo"), DONE]);
    expect(rig.engine.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    expect(rig.job).toMatchObject({ outcome: "completed", tokensOut: 164, revenue: PRICE });
    expect(rig.gpus.releases).toEqual([{ jobId: rig.job.id, tokensOut: 164 }]);
  });

  test("keeps the count for a client that asked for it", async () => {
    const answer = await rig.ask(hello({ stream: true, stream_options: { include_usage: true } }));
    expect(textOf(await collect(chunksOf(answer)))).toBe(STREAM.join(""));
  });

  test("holds the GPU until its last event is read, and not longer", async () => {
    const events = chunksOf(await rig.ask(hello({ stream: true })))[Symbol.asyncIterator]();
    await events.next();
    expect(rig.gpus.held).toBe(1);
    expect(rig.job).toMatchObject({ outcome: undefined, states: PATH });
    while (!(await events.next()).done);
    expect(rig.gpus.held).toBe(0);
  });

  test("without a count is complete and free", async () => {
    rig.engine.script = answerEvents(textEvent("a"), DONE);
    await collect(chunksOf(await rig.ask(hello({ stream: true }))));
    expect(rig.job).toMatchObject({ outcome: "completed", revenue: undefined, tokensOut: undefined });
  });

  test("fifty at a time are each booked, paid and released once", async () => {
    const total = 50;
    await Promise.all(
      Array.from({ length: total }, async () => {
        const answer = await rig.ask(hello({ stream: true }));
        expect(textOf(await collect(chunksOf(answer)))).toBe(`${textEvent("hel")}${textEvent("lo")}${DONE}`);
      }),
    );
    expect(rig.jobs).toHaveLength(total);
    expect(new Set(rig.jobs.map(({ id }) => id)).size).toBe(total);
    for (const job of rig.jobs) expect(job).toMatchObject({ outcome: "completed", revenue: PRICE });
    expect(rig.gpus.releases.map(({ jobId }) => jobId).sort()).toEqual(rig.jobs.map(({ id }) => id).sort());
    expect(rig.ledger.jobs.sumSince(rig.clock.now())).toMatchObject({
      completions: total,
      tokensOut: total * 164,
      revenue: total * PRICE,
    });
    expect(rig.gpus.held).toBe(0);
  });
});

describe("an engine that fails", () => {
  const failures: readonly [string, EngineScript, number, string | RegExp][] = [
    ["answers garbage", answerJson(200, "<html>"), 502, "the engine's answer is not JSON"],
    [
      "answers more than 16 MiB",
      answerJson(200, `"${"x".repeat(17 << 20)}"`),
      502,
      "the engine's answer is over 16 MiB",
    ],
    ["drops the connection", (_request, response) => void response.destroy(), 502, /./],
    ["sends it elsewhere", (_r, response) => void response.writeHead(302, { location: "/x" }).end(), 502, /./],
  ];
  test.each(failures)("because it %s costs the client nothing", async (_title, script, status, reason) => {
    rig.engine.script = script;
    const answer = await rig.ask(hello());
    expect(answer).toMatchObject({ kind: "refused", error: { status, code: "engine_failed", retryAfterS: 1 } });
    expect(rig.job).toMatchObject({ outcome: "failed", states: [...PATH, "failed"], revenue: undefined });
    expect(rig.job.reason).toMatch(reason);
    expect(rig.gpus.releases).toHaveLength(1);
    expect(rig.log.join("")).toMatch(/warn {2}the engine failed a request reason=/);
  });

  test("that has gone costs the client nothing", async () => {
    await rig.engine[Symbol.asyncDispose]();
    expect(await rig.ask(hello({ stream: true }))).toMatchObject({ error: { status: 502 } });
    expect(rig.job).toMatchObject({ outcome: "failed", reason: "fetch failed" });
    expect(rig.gpus.releases).toHaveLength(1);
  });

  test.each([400, 500])("with status %i has its words passed on, and is not paid for them", async (status) => {
    const body = { error: { message: "too long" }, usage: { prompt_tokens: 5, completion_tokens: 5 } };
    rig.engine.script = answerJson(status, body);
    expect(await rig.ask(hello({ stream: true }))).toEqual({ kind: "json", status, body });
    expect(rig.job).toMatchObject({ outcome: "failed", reason: `the engine answered ${status}`, revenue: undefined });
    expect(rig.gpus.releases).toHaveLength(1);
  });

  test("in the middle of a stream ends it with an error that the client can read", async () => {
    rig.engine.script = answerAndBreak(textEvent("hel"));
    const chunks = await collect(chunksOf(await rig.ask(hello({ stream: true }))));
    expect(textOf(chunks.slice(0, 1))).toBe(textEvent("hel"));
    expect(JSON.parse(textOf(chunks.slice(1)).replace(/^data: /, ""))).toEqual({
      error: { message: "the engine failed this request", type: "server_error", param: null, code: "engine_failed" },
    });
    expect(rig.job).toMatchObject({ outcome: "failed", revenue: undefined });
    expect(rig.gpus.releases).toHaveLength(1);
  });

  test("after it has counted has said all, and is paid for it", async () => {
    rig.engine.script = answerAndBreak(textEvent("hel"), usageEvent(3, 5));
    await collect(chunksOf(await rig.ask(hello({ stream: true }))));
    expect(rig.job).toMatchObject({ outcome: "completed", tokensOut: 5, revenue: 9000 });
  });

  test("with an endless event is cut off", async () => {
    rig.engine.script = answerAndHang(`data: ${"x".repeat(2 << 20)}`);
    expect(textOf(await collect(chunksOf(await rig.ask(hello({ stream: true })))))).toContain("engine_failed");
    expect(rig.job).toMatchObject({ outcome: "failed", reason: "the engine sent an endless event" });
    await until(() => rig.engine.abandoned === 1);
  });
});

describe("a request that the engine could not answer", () => {
  const hopeless = [
    [
      "a prompt beyond any context",
      { messages: [{ role: "user", content: "word ".repeat(200_000) }] },
      "context_length_exceeded",
    ],
    [
      "a prompt of more words than the context can hold",
      { messages: [{ role: "user", content: "word ".repeat(4100) }] },
      "context_length_exceeded",
    ],
    ["more than one answer", { n: 2 }, "invalid_value"],
    ["a field that the engine is known to refuse", { temperature: 9 }, "invalid_value"],
    ["a role nobody knows", { messages: [{ role: "wizard", content: "a" }] }, "invalid_value"],
  ] as const;
  test.each(hopeless)("%s never takes the GPU from other work", async (_title, changes, code) => {
    expect(await rig.ask(hello(changes))).toMatchObject({ kind: "refused", error: { status: 400, code } });
    expect(rig.gpus.demands).toEqual([]);
  });

  test("by a route that it does not have never takes the GPU either", async () => {
    if (rig.service !== undefined) rig.service = { ...rig.service, routes: new Set(["/v1/completions"]) };
    expect(await rig.ask(hello())).toMatchObject({ kind: "refused", error: { status: 404, code: "route_not_served" } });
    expect(rig.gpus.demands).toEqual([]);
  });
});

describe("a request that is not served", () => {
  const refusals = [
    ["queue-full", 429, "rate_limit_error", "queue_full"],
    ["refused-often", 429, "rate_limit_error", "refused_often"],
    ["max-wait", 503, "server_error", "max_wait"],
    ["not-serving", 503, "server_error", "not_serving"],
    ["engine-failed", 503, "server_error", "engine_failed"],
    ["stopping", 503, "server_error", "stopping"],
  ] as const;
  test.each(refusals)(
    "because of %s is told when to come back, and booked as expired",
    async (reason, status, type, code) => {
      rig.gpus.holdsBack = true;
      const asking = rig.ask(hello());
      await until(() => rig.gpus.waiting === 1);
      rig.gpus.refuseAll({ reason, why: "the words for people", retryAfter: millis(1200) });
      expect(await asking).toEqual({
        kind: "refused",
        error: { status, code, type, message: "the words for people", retryAfterS: 2 },
      });
      expect(rig.job).toMatchObject({
        outcome: "expired",
        states: ["queued", "expired"],
        reason: "the words for people",
      });
      expect(rig.engine.requests).toEqual([]);
      expect(rig.gpus.releases).toEqual([]);
    },
  );

  test("is never told to come back in no time or in the past", async () => {
    rig.gpus.holdsBack = true;
    const asking = rig.ask(hello());
    await until(() => rig.gpus.waiting === 1);
    rig.gpus.refuseAll({ reason: "engine-failed", why: "x", retryAfter: millis(-5000) });
    expect(await asking).toMatchObject({ error: { retryAfterS: 1 } });
  });

  test("while no engine has named its model is sent away before it is booked", async () => {
    rig.service = undefined;
    expect(await rig.ask(hello())).toMatchObject({ error: { status: 503, code: "engine_not_ready", retryAfterS: 5 } });
    expect(rig.models).toEqual({ object: "list", data: [] });
    expect([rig.jobs, rig.gpus.demands]).toEqual([[], []]);
  });

  test("for another model hears which one there is", async () => {
    expect(await rig.ask(hello({ model: 'gpt"4' }))).toEqual({
      kind: "refused",
      error: {
        status: 404,
        code: "model_not_found",
        type: "invalid_request_error",
        message: 'the model "gpt\\"4" is not served here; ask for "tiny"',
        param: "model",
      },
    });
    expect([rig.jobs, rig.gpus.demands]).toEqual([[], []]);
  });

  test("because it makes no sense leaves no trace", async () => {
    expect(await rig.ask(hello({ messages: [] }))).toMatchObject({ error: { status: 400, param: "messages" } });
    expect([rig.jobs, rig.gpus.demands, rig.engine.requests]).toEqual([[], [], []]);
  });
});

describe("what a request claims to be worth", () => {
  const CONTEXT_PRICE = 1000 * 500 + 1000 * 1500;
  const LONG = "x".repeat(100_000);
  const claims: readonly [string, Record<string, unknown>, number][] = [
    ["its prompt and the usual answer", {}, 9 * 500 + 100 * 1500],
    ["its own limit where it has one", { max_tokens: 10 }, 9 * 500 + 10 * 1500],
    [
      "no more than the model can say, whatever the client asks for",
      { max_tokens: Number.MAX_SAFE_INTEGER },
      9 * 500 + 1000 * 1500,
    ],
    [
      "no more than the model can read",
      { messages: [{ role: "user", content: LONG }], max_tokens: 1e9 },
      CONTEXT_PRICE,
    ],
  ];
  test.each(claims)("is %s", async (_title, changes, worth) => {
    await rig.ask(hello(changes));
    expect(rig.gpus.demands.map((demand) => demand.worth)).toEqual([worth]);
  });

  test("has a bound also before an engine has told its context", async () => {
    if (rig.service === undefined) throw new Error("the harness serves a model");
    const { contextTokens: _, ...service } = rig.service;
    rig.service = service;
    await rig.ask(hello({ max_tokens: 1e12 }));
    expect(rig.gpus.demands[0]?.worth).toBe(9 * 500 + 4096 * 1500);
  });

  test("counts no answer for an embedding", async () => {
    await rig.ask({ model: "tiny", input: "abcd" }, undefined, "/v1/embeddings");
    expect(rig.gpus.demands[0]?.worth).toBe(2 * 500);
  });
});

test("the list of models says what is served, and at what price", () => {
  rig.service = rig.service && { ...rig.service, label: "built-in engine on the CPU" };
  expect(rig.models).toEqual({
    object: "list",
    data: [
      {
        id: "tiny",
        object: "model",
        created: 0,
        owned_by: "rigshift",
        meta: {
          label: "built-in engine on the CPU",
          contextTokens: 1000,
          usdPerMillionTokensIn: 0.5,
          usdPerMillionTokensOut: 1.5,
        },
      },
    ],
  });
});

describe("a client whose requests the engine refuses", () => {
  const barred = () => rig.gpus.demands.at(-1)?.barred;
  beforeEach(async () => {
    rig.engine.script = answerJson(400, { error: { message: "messages: no" } });
    for (let time = 0; time < 3; time++) await rig.ask(hello());
  });

  test("may not wake the engine a fourth time in a quarter of an hour", async () => {
    expect(rig.gpus.demands.map((demand) => demand.barred)).toEqual([undefined, undefined, undefined]);
    await rig.ask(hello());
    expect(barred()).toEqual({
      why: "the engine refused your last requests, so for 900 s yours are answered only while it is awake",
      length: 900_000,
    });
    await rig.clock.advance(900_000);
    await rig.ask(hello());
    expect(barred()).toBeUndefined();
  });

  test("bars nobody else", async () => {
    rig.client = "somebody else";
    await rig.ask(hello());
    expect(barred()).toBeUndefined();
  });

  test("is trusted again with the first answer", async () => {
    rig.engine.script = answerJson(200, ANSWER);
    await rig.ask(hello());
    expect(barred()).toBeDefined();
    await rig.ask(hello());
    expect(barred()).toBeUndefined();
  });
});
