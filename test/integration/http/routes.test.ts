import { describe, expect, test } from "vitest";
import { z } from "zod";
import { hiveSchema } from "../../../src/api/hiveos.ts";
import { mmposSchema } from "../../../src/api/mmpos.ts";
import { toOpenApi } from "../../../src/api/openapi.ts";
import { API_ROUTES } from "../../../src/api/routes.ts";
import {
  decisionSchema,
  energySlotSchema,
  gpuSchema,
  healthSchema,
  jobSchema,
  modeViewSchema,
  readySchema,
  rigSchema,
  transitionSchema,
  valuationSchema,
} from "../../../src/api/schema.ts";
import { FakeRigPort, START_MS } from "../../support/fake-rig-port.ts";
import { ask, BEARER, open, post, startAgent } from "./harness.ts";

describe("reads", () => {
  const cases: readonly (readonly [string, z.ZodType])[] = [
    ["/healthz", healthSchema],
    ["/readyz", readySchema],
    ["/mmpos", mmposSchema],
    ["/hiveos", hiveSchema],
    ["/api/v1/rig", rigSchema],
    ["/api/v1/gpus", z.array(gpuSchema).min(1)],
    ["/api/v1/valuations", z.array(valuationSchema).min(1)],
    ["/api/v1/decisions", z.array(decisionSchema).min(1)],
    ["/api/v1/jobs", z.array(jobSchema).min(1)],
    ["/api/v1/transitions", z.array(transitionSchema).min(1)],
    [`/api/v1/energy?from=${START_MS - 7_200_000}&to=${START_MS}`, z.array(energySlotSchema).min(1)],
  ];

  test("answer in the shape they promise, kept from caches and sniffing", async () => {
    await using agent = await startAgent();
    for (const [path, schema] of cases) {
      const { status, json, headers } = await ask(agent, { path });
      expect(status, path).toBe(200);
      expect(schema.safeParse(json).error, path).toBeUndefined();
      expect(headers, path).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
      expect(headers, path).not.toHaveProperty("access-control-allow-origin");
    }
  });

  test("metrics are OpenMetrics text", async () => {
    await using agent = await startAgent();
    const { headers, text } = await ask(agent, { path: "/metrics" });
    expect(headers["content-type"]).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(text).toMatch(/# EOF\n$/);
  });

  test("the description is served as it is built", async () => {
    await using agent = await startAgent();
    const { json } = await ask(agent, { path: "/api/v1/openapi.json" });
    expect(json).toEqual(JSON.parse(JSON.stringify(toOpenApi("0.1.0"))));
  });

  test("every described route is there, under its method only", async () => {
    await using agent = await startAgent();
    for (const { method, path } of API_ROUTES) {
      const right = await open(agent, { method: method.toUpperCase(), path, headers: BEARER });
      expect([404, 405], path).not.toContain(right.statusCode);
      right.destroy();
      const wrong = await ask(agent, { method: "DELETE", path, headers: BEARER });
      expect(wrong.status, path).toBe(405);
      expect(wrong.headers.allow, path).toContain(method.toUpperCase());
    }
  });

  test("HEAD answers as GET does, without the body", async () => {
    await using agent = await startAgent();
    const { status, text, headers } = await ask(agent, { method: "HEAD", path: "/api/v1/rig" });
    expect({ status, text }).toEqual({ status: 200, text: "" });
    expect(Number(headers["content-length"])).toBeGreaterThan(100);
  });

  test("list limits and cursors reach the ledger as given", async () => {
    await using agent = await startAgent();
    await ask(agent, { path: "/api/v1/decisions?limit=7" });
    await ask(agent, { path: "/api/v1/transitions" });
    await ask(agent, { path: `/api/v1/jobs?limit=3&before=${START_MS}` });
    expect(agent.rig.queries).toEqual([{ limit: 7 }, { limit: 50 }, { limit: 3, before: START_MS }]);
  });

  test("energy adds slots up to the asked bucket", async () => {
    await using agent = await startAgent();
    const from = START_MS - 86_400_000;
    const { json } = await ask(agent, { path: `/api/v1/energy?from=${from}&to=${START_MS}&bucket=1d` });
    const [row] = z.array(energySlotSchema).length(1).parse(json);
    expect(row).toMatchObject({ measuredMj: 8 * 56_320_000, slotStartMs: Date.UTC(2026, 8, 14) });
  });
});

describe("readiness", () => {
  test("is 503 with the reasons while something does not answer", async () => {
    await using agent = await startAgent();
    agent.rig.readiness = { ready: false, ledger: "ok", gpus: "ok", engine: "starting", backend: null };
    const { status, json } = await ask(agent, { path: "/readyz" });
    expect(status).toBe(503);
    expect(json).toEqual(agent.rig.readiness);
  });

  test("names the backend that the engine really uses", async () => {
    await using agent = await startAgent();
    agent.rig.readiness = { ...agent.rig.readiness, backend: "cuda" };
    expect((await ask(agent, { path: "/readyz" })).json).toMatchObject({ ready: true, backend: "cuda" });
  });
});

describe("the operator's mode", () => {
  test("is set with the token and answered with what now holds", async () => {
    await using agent = await startAgent();
    const { status, json } = await post(agent, "/api/v1/mode", { mode: "mine", forMs: 60_000 }, BEARER);
    expect(status).toBe(200);
    expect(modeViewSchema.parse(json)).toEqual({ mode: "mine", gpu: null, untilMs: START_MS + 60_000 });
    expect(agent.rig.modeRequests).toEqual([{ mode: "mine", forMs: 60_000 }]);
  });

  test("keeps the rig's own words when the rig refuses", async () => {
    await using agent = await startAgent();
    const { status, json } = await post(agent, "/api/v1/mode", { mode: "auto", gpu: "GPU-absent" }, BEARER);
    expect(status).toBe(400);
    expect(json).toEqual({
      error: { code: "ERR_RIG_UNKNOWN_GPU", message: "no such GPU", mend: "see rigshift gpus" },
    });
  });
});

describe("the page", () => {
  test("is served with a policy that allows no inline script or style", async () => {
    await using agent = await startAgent();
    const { status, headers, text } = await ask(agent, { path: "/" });
    expect(status).toBe(200);
    expect(text).toContain("<title>page</title>");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(headers["cache-control"]).toBe("no-cache");
  });

  test("keeps hashed files for ever and answers 304 to a known tag", async () => {
    await using agent = await startAgent();
    const { headers } = await ask(agent, { path: "/main-ABCD2345.js" });
    expect(headers["cache-control"]).toContain("immutable");
    const again = await ask(agent, { path: "/", headers: { "if-none-match": "" } });
    const known = await ask(agent, { path: "/", headers: { "if-none-match": String(again.headers.etag) } });
    expect({ status: known.status, text: known.text }).toEqual({ status: 304, text: "" });
  });

  test("says how to build itself when it was not built", async () => {
    await using agent = await startAgent({ webRoot: "/nonexistent/web" });
    const { status, json } = await ask(agent, { path: "/" });
    expect(status).toBe(503);
    expect(json).toMatchObject({ error: { mend: expect.stringContaining("build-web") } });
    expect((await ask(agent, { path: "/healthz" })).status).toBe(200);
  });
});

test("a fault of the agent is told in its own words, and an unexpected one without its insides", async () => {
  await using agent = await startAgent({ rig: new FakeRigPort() });
  agent.rig.fault = new Error("SELECT secret FROM /var/lib/rigshift/ledger.sqlite");
  const { status, text, json } = await ask(agent, { path: "/api/v1/jobs" });
  expect(status).toBe(500);
  expect(json).toMatchObject({ error: { code: "ERR_HTTP_INTERNAL" } });
  expect(text).not.toMatch(/SELECT|sqlite|at .*\.ts/);
});
