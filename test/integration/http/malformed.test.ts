import fc from "fast-check";
import { expect, test } from "vitest";
import { ask, BEARER, JSON_TYPE, sendRaw, startAgent } from "./harness.ts";

const RUNS = { numRuns: 300 };
const openAiPaths = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"];

const isErrorShape = (json: unknown): boolean =>
  typeof json === "object" && json !== null && "error" in json && typeof json.error === "object" && json.error !== null;

test("no JSON value but a mode request ever sets a mode or breaks the agent", async () => {
  await using agent = await startAgent();
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 6 }), async (body) => {
      const reply = await ask(agent, {
        method: "POST",
        path: "/api/v1/mode",
        headers: { ...JSON_TYPE, ...BEARER },
        body,
      });
      expect(reply.status).toBe(400);
      expect(isErrorShape(reply.json)).toBe(true);
    }),
    RUNS,
  );
  expect(agent.rig.modeRequests).toEqual([]);
});

test("bytes that are no JSON are a 400 in the family's shape, wherever they are sent", async () => {
  await using agent = await startAgent();
  const isJson = (bytes: Uint8Array) => {
    try {
      JSON.parse(Buffer.from(bytes).toString("utf8"));
      return true;
    } catch {
      // The kind of body that this test is about.
      return false;
    }
  };
  const garbage = fc.uint8Array({ maxLength: 400 }).filter((bytes) => !isJson(bytes));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...openAiPaths, "/api/v1/mode"), garbage, async (path, body) => {
      const reply = await ask(agent, { method: "POST", path, headers: { ...JSON_TYPE, ...BEARER }, body });
      expect(reply.status).toBe(400);
      expect(isErrorShape(reply.json)).toBe(true);
    }),
    RUNS,
  );
  expect(agent.inference.calls).toEqual([]);
});

test("a deeply nested body neither overflows nor hangs", async () => {
  await using agent = await startAgent();
  for (const body of [
    "[".repeat(500_000),
    `${"[".repeat(250_000)}${"]".repeat(250_000)}`,
    `${'{"a":'.repeat(80_000)}1${"}".repeat(80_000)}`,
  ]) {
    const reply = await ask(agent, {
      method: "POST",
      path: "/api/v1/mode",
      headers: { ...JSON_TYPE, ...BEARER },
      body,
    });
    expect(reply.status).toBe(400);
  }
});

test("any address, query and method gets a proper answer", async () => {
  await using agent = await startAgent();
  const known = fc.constantFrom("/", "/api/v1/rig", "/api/v1/jobs", "/api/v1/energy", "/v1/models", "/metrics");
  const query = fc.webQueryParameters();
  const path = fc.oneof(
    fc.webPath().map((text) => `/${text}`),
    fc.tuple(known, query).map(([at, text]) => `${at}?${text}`),
  );
  const method = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND");
  await fc.assert(
    fc.asyncProperty(method, path, async (verb, at) => {
      const reply = await ask(agent, { method: verb, path: at, headers: BEARER });
      expect(reply.status).toBeGreaterThanOrEqual(200);
      expect(reply.status).toBeLessThan(500);
      expect(reply.text).not.toMatch(/node_modules|FST_/);
    }),
    RUNS,
  );
});

test("hostile headers are refused or ignored, never believed", async () => {
  await using agent = await startAgent();
  const text = fc.string({ unit: fc.constantFrom(..."abcABC019 .:/@[]%,;=\"'\t-_"), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(text, text, text, async (host, origin, authorization) => {
      const headers = { ...JSON_TYPE, host, origin, authorization };
      const reply = await ask(agent, { method: "POST", path: "/api/v1/mode", headers, body: '{"mode":"mine"}' });
      expect([400, 401, 403]).toContain(reply.status);
    }),
    RUNS,
  );
  expect(agent.rig.modeRequests).toEqual([]);
});

test("lines that are no HTTP at all leave the agent alive", async () => {
  await using agent = await startAgent();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      const text = await sendRaw(agent, Buffer.concat([bytes, Buffer.from("\r\n\r\n")]));
      expect(text === "" || /^HTTP\/1\.1 4\d\d /.test(text)).toBe(true);
    }),
    RUNS,
  );
  expect((await ask(agent, { path: "/healthz" })).status).toBe(200);
});
