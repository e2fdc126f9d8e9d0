import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { createClient, type LiveItem } from "../../../src/api/client.ts";
import { createSseParser } from "../../../src/api/sse.ts";
import { STREAM_LIMITS } from "../../../src/http/events.ts";
import { seconds } from "../../../src/units/time.ts";
import { FakeRigPort, fakeDecision, fakeGpu, fakeRig } from "../../support/fake-rig-port.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/until.ts";
import { ask, open, startAgent, type TestAgent } from "./harness.ts";

const follow = (agent: TestAgent, lastEventId?: number): Promise<IncomingMessage> =>
  open(agent, {
    path: "/api/v1/events",
    ...(lastEventId !== undefined && { headers: { "last-event-id": String(lastEventId) } }),
  });

/** Reads events until `count` of them came; each as `id type`. */
async function take(stream: IncomingMessage, count: number): Promise<readonly string[]> {
  const parser = createSseParser();
  const seen: string[] = [];
  if (count === 0) return seen;
  for await (const piece of stream.iterator({ destroyOnReturn: false })) {
    for (const item of parser.push(String(piece))) if (item.kind === "event") seen.push(`${item.id} ${item.event}`);
    if (seen.length >= count) break;
  }
  return seen;
}

const pushDecisions = (rig: FakeRigPort, count: number) => {
  for (let id = 1; id <= count; id += 1) rig.push({ type: "decision", decision: fakeDecision(id) });
};

describe("a reader of events", () => {
  test("starts from the state of now and is told everything after", async () => {
    await using agent = await startAgent();
    pushDecisions(agent.rig, 3);
    const stream = await follow(agent);
    expect(stream.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(stream.headers["x-content-type-options"]).toBe("nosniff");
    expect(await take(stream, 1)).toEqual(["3 rig"]);
    agent.rig.pushRig({ mode: "pause" });
    pushDecisions(agent.rig, 1);
    expect(await take(stream, 2)).toEqual(["4 rig", "5 decision"]);
    stream.destroy();
  });

  test("resumes after the last event it saw, with nothing lost or doubled", async () => {
    await using agent = await startAgent();
    pushDecisions(agent.rig, 5);
    const stream = await follow(agent, 2);
    expect(await take(stream, 3)).toEqual(["3 decision", "4 decision", "5 decision"]);
    pushDecisions(agent.rig, 1);
    expect(await take(stream, 1)).toEqual(["6 decision"]);
    stream.destroy();
  });

  test("gets everything still in memory when it resumes from 0", async () => {
    await using agent = await startAgent({ rig: new FakeRigPort(3) });
    pushDecisions(agent.rig, 5);
    const stream = await follow(agent, 0);
    expect(await take(stream, 3)).toEqual(["3 decision", "4 decision", "5 decision"]);
    stream.destroy();
  });

  test("starts anew when its id is from before the agent's restart", async () => {
    await using agent = await startAgent();
    pushDecisions(agent.rig, 2);
    const stream = await follow(agent, 9000);
    expect(await take(stream, 1)).toEqual(["2 rig"]);
    agent.rig.restart();
    pushDecisions(agent.rig, 2);
    expect(await take(stream, 2)).toEqual(["1 decision", "2 decision"]);
    stream.destroy();
  });

  test("takes an id that is no number for none", async () => {
    await using agent = await startAgent();
    const stream = await open(agent, { path: "/api/v1/events", headers: { "last-event-id": "1 OR 1=1" } });
    expect(await take(stream, 1)).toEqual(["0 rig"]);
    stream.destroy();
  });

  test("hears a heartbeat after 15 quiet seconds", async () => {
    const clock = new ManualClock();
    await using agent = await startAgent({ clock });
    const client = createClient({ baseUrl: agent.server.url });
    const leave = new AbortController();
    const live = client.events(undefined, leave.signal);
    expect((await live.next()).value).toMatchObject({ kind: "event", id: 0 });
    await until(() => clock.waiting === 1);
    await clock.advance(seconds(15));
    expect((await live.next()).value).toEqual({ kind: "alive" } satisfies LiveItem);
    await live.return();
  });

  test("leaves no listener behind when it goes", async () => {
    await using agent = await startAgent();
    const streams = [await follow(agent), await follow(agent)];
    await until(() => agent.rig.listeners === 1);
    for (const stream of streams) stream.destroy();
    await until(() => agent.rig.listeners === 0);
    expect(agent.rig.listeners).toBe(0);
  });
});

describe("too much", () => {
  test("one reader past the cap is told to come back later, and a place that is left is free again", async () => {
    await using agent = await startAgent({ streamLimits: { ...STREAM_LIMITS, maxReaders: 2 } });
    const first = await follow(agent);
    const second = await follow(agent);
    const { status, headers, json } = await ask(agent, { path: "/api/v1/events" });
    expect(status).toBe(503);
    expect(headers["retry-after"]).toBe("5");
    expect(json).toMatchObject({ error: { code: "ERR_HTTP_TOO_MANY_READERS" } });
    first.destroy();
    await until(() => agent.rig.listeners === 1);
    const statusNow = async () => {
      const stream = await follow(agent);
      stream.destroy();
      return stream.statusCode;
    };
    await expect.poll(statusNow).toBe(200);
    second.destroy();
  });

  const bigRig = () => fakeRig({ gpus: Array.from({ length: 400 }, (_, index) => fakeGpu({ index })) });

  test("a reader that takes nothing for ten seconds is dropped", async () => {
    const clock = new ManualClock();
    await using agent = await startAgent({ clock, rig: new FakeRigPort(400) });
    const stream = await follow(agent);
    stream.pause();
    for (let index = 0; index < 300; index += 1) agent.rig.push({ type: "rig", rig: bigRig() });
    await until(() => clock.waiting === 1);
    await clock.advance(seconds(10));
    await until(() => agent.rig.listeners === 0);
    expect(agent.rig.listeners).toBe(0);
    stream.destroy();
  });

  test("a reader that falls too far behind is dropped at once, and a quick one beside it is not", async () => {
    await using agent = await startAgent({ streamLimits: { ...STREAM_LIMITS, maxBehind: 500 } });
    const slow = await follow(agent);
    slow.pause();
    const gone = new Promise((resolve) => slow.once("close", resolve));
    slow.on("error", () => undefined);
    for (let index = 0; index < 300; index += 1) agent.rig.push({ type: "rig", rig: bigRig() });
    const quick = await follow(agent);
    await take(quick, 1);
    for (let index = 0; index < 300; index += 1) {
      agent.rig.push({ type: "decision", decision: fakeDecision(index) });
      await take(quick, 1);
    }
    slow.resume();
    await gone;
    expect(slow.complete).toBe(false);
    pushDecisions(agent.rig, 1);
    expect(await take(quick, 1)).toEqual(["601 decision"]);
    quick.destroy();
  });
});

test("stopping ends every stream and resolves", async () => {
  const agent = await startAgent();
  const stream = await follow(agent);
  stream.resume();
  stream.on("error", () => undefined);
  const gone = new Promise((resolve) => stream.once("close", resolve));
  await agent[Symbol.asyncDispose]();
  await gone;
  expect(agent.rig.listeners).toBe(0);
});
