import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { createClient, type LiveItem } from "../../../src/api/client.ts";
import { ApiError, isTokenNeeded } from "../../../src/api/errors.ts";
import { millis } from "../../../src/units/time.ts";
import { fakeDecision, fakeValuations, START_MS } from "../../support/fake-rig-port.ts";
import { startAgent, TOKEN } from "./harness.ts";

const { signal } = new AbortController();

const faultOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a fault");
};

describe("the typed client", () => {
  test("reads every view", async () => {
    await using agent = await startAgent();
    const client = createClient({ baseUrl: agent.server.url });
    expect(await client.rig(signal)).toEqual(agent.rig.current);
    expect(await client.gpus(signal)).toEqual(agent.rig.current.gpus);
    expect(await client.valuations(signal)).toEqual(fakeValuations());
    expect(await client.decisions(2, signal)).toHaveLength(2);
    expect(await client.transitions(3, signal)).toHaveLength(3);
    expect(await client.jobs({ limit: 4 }, signal)).toHaveLength(4);
    const range = { fromMs: START_MS - 7_200_000, toMs: START_MS, bucket: "1h" } as const;
    expect((await client.energy(range, signal)).length).toBeGreaterThan(0);
    expect(await client.metrics(signal)).toContain("# EOF");
  });

  test("reads readiness also while it is not given", async () => {
    await using agent = await startAgent();
    agent.rig.readiness = { ...agent.rig.readiness, ready: false };
    expect(await createClient({ baseUrl: agent.server.url }).ready(signal)).toEqual(agent.rig.readiness);
  });

  test("sets the mode with its token, and knows when one is needed", async () => {
    await using agent = await startAgent();
    const baseUrl = agent.server.url;
    expect(await createClient({ baseUrl, token: () => TOKEN }).setMode({ mode: "pause" }, signal)).toMatchObject({
      mode: "pause",
    });
    const fault = await faultOf(createClient({ baseUrl }).setMode({ mode: "pause" }, signal));
    expect(isTokenNeeded(fault)).toBe(true);
    expect(fault).toMatchObject({ facts: { code: "ERR_HTTP_TOKEN", status: 401 } });
  });

  test("follows events and resumes after the last one", async () => {
    await using agent = await startAgent();
    const client = createClient({ baseUrl: agent.server.url });
    for (let id = 1; id <= 3; id += 1) agent.rig.push({ type: "decision", decision: fakeDecision(id) });
    const seen: LiveItem[] = [];
    for await (const item of client.events(1, signal)) {
      seen.push(item);
      if (seen.length === 2) break;
    }
    expect(seen).toMatchObject([
      { kind: "event", id: 2, event: { type: "decision", decision: { id: 2 } } },
      { kind: "event", id: 3, event: { type: "decision", decision: { id: 3 } } },
    ]);
  });

  test("says how to start an agent where none answers", async () => {
    const fault = await faultOf(createClient({ baseUrl: "http://127.0.0.1:1" }).rig(signal));
    expect(fault).toBeInstanceOf(ApiError);
    expect(fault).toMatchObject({
      facts: { code: "ERR_API_UNREACHABLE", mend: expect.stringContaining("rigshift start") },
    });
  });

  test("gives up on an agent that does not answer in time", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as AddressInfo;
    const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, timeout: millis(20) });
    expect(await faultOf(client.rig(signal))).toMatchObject({ facts: { code: "ERR_API_TIMEOUT" } });
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });

  test("does not take another program's refusal for the agent's", async () => {
    const other = createServer((_request, response) => response.writeHead(418).end("teapot")).listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const fault = await faultOf(createClient({ baseUrl: `http://127.0.0.1:${port}` }).rig(signal));
    expect(fault).toMatchObject({ facts: { code: "ERR_API_ANSWER", status: 418 } });
    await new Promise((resolve) => other.close(resolve));
  });
});
