import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkAnswer } from "../../../src/api/answer-check.ts";
import type { BenchEvent, BenchRequest } from "../../../src/api/bench.ts";
import { createClient, type RigClient } from "../../../src/api/client.ts";
import { RigStateError } from "../../../src/rig/errors.ts";
import { CPU_UUID } from "../../support/fake-rig-port.ts";
import { until } from "../../support/until.ts";
import { ask, BEARER, post, startAgent, type TestAgent, TOKEN } from "./harness.ts";

const PATH = "/api/v1/bench";
const REQUEST: BenchRequest = { gpu: CPU_UUID, workload: "hashing", forMs: 1000 };
const PROGRESS: BenchEvent = { type: "progress", gpu: CPU_UUID, doing: "measuring", part: 0.5 };
const END: BenchEvent = { type: "end", gpu: CPU_UUID, points: [], best: null, restored: true };
const NEVER = new AbortController().signal;

let agent: TestAgent;
let client: RigClient;
beforeEach(async () => {
  agent = await startAgent();
  client = createClient({ baseUrl: agent.server.url, token: () => TOKEN, check: checkAnswer });
});
afterEach(() => agent[Symbol.asyncDispose]());

async function all(signal: AbortSignal = NEVER): Promise<readonly BenchEvent[]> {
  const events: BenchEvent[] = [];
  for await (const event of client.bench(REQUEST, signal)) events.push(event);
  return events;
}

describe("a benchmark over HTTP", () => {
  test("tells one line after the other, and ends with its end", async () => {
    agent.rig.benchmarks.events = [PROGRESS, END];
    expect(await all()).toEqual([PROGRESS, END]);
    expect(agent.rig.benchmarks.asked).toEqual([REQUEST]);
    const { headers } = await post(agent, PATH, REQUEST, BEARER);
    expect(headers["content-type"]).toBe("application/x-ndjson; charset=utf-8");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  test("ends when its client goes away, so that what it tried is taken back", async () => {
    const { benchmarks } = agent.rig;
    [benchmarks.events, benchmarks.hangs] = [[PROGRESS], true];
    const stop = new AbortController();
    const reading = all(stop.signal).catch(() => undefined);
    await until(() => benchmarks.asked.length === 1);
    stop.abort();
    await reading;
    await until(() => benchmarks.ended === 1);
  });

  test("ends with the agent", async () => {
    const { benchmarks } = agent.rig;
    [benchmarks.events, benchmarks.hangs] = [[PROGRESS], true];
    const reading = all().catch(() => undefined);
    await until(() => benchmarks.asked.length === 1);
    await agent.server.close();
    await reading;
    await until(() => benchmarks.ended === 1);
  });

  test("is refused as any order is where it may not begin", async () => {
    agent.rig.benchmarks.fault = new RigStateError("busy", { code: "ERR_BENCH_BUSY", mend: "wait" });
    await expect(all()).rejects.toMatchObject({ facts: { code: "ERR_BENCH_BUSY", status: 400, mend: "wait" } });
  });

  test("that fails on the way says why in its last line", async () => {
    const { benchmarks } = agent.rig;
    benchmarks.events = [PROGRESS];
    benchmarks.late = new RigStateError("a guest came", { code: "ERR_BENCH_ENDED" });
    const fault = { type: "fault", code: "ERR_BENCH_ENDED", message: "a guest came", mend: null };
    expect(await all()).toEqual([PROGRESS, fault]);
  });

  test("needs the token", async () => {
    expect((await post(agent, PATH, REQUEST)).status).toBe(401);
    expect((await ask(agent, { path: PATH })).status).toBe(405);
    expect(agent.rig.benchmarks.asked).toEqual([]);
  });

  test.each([
    ["nothing", {}],
    ["a GPU by its number", { ...REQUEST, gpu: "0" }],
    ["work that it cannot measure", { ...REQUEST, workload: "lease" }],
    ["no time", { ...REQUEST, forMs: 0 }],
    ["more than an hour", { ...REQUEST, forMs: 3_600_001 }],
    ["a limit of nothing", { ...REQUEST, powerLimitsW: [0] }],
    ["no limits", { ...REQUEST, powerLimitsW: [] }],
    ["a foreign miner on another machine", { ...REQUEST, adopt: { program: "t-rex", port: 4067, host: "10.0.0.9" } }],
    ["an unknown miner", { ...REQUEST, adopt: { program: "minerd", port: 4067 } }],
    ["an unknown key", { ...REQUEST, force: true }],
  ])("is refused with %s", async (_, body) => {
    const { status, json } = await post(agent, PATH, body, BEARER);
    expect([status, json]).toMatchObject([400, { error: { code: "ERR_HTTP_INVALID_BODY" } }]);
    expect(agent.rig.benchmarks.asked).toEqual([]);
  });
});
