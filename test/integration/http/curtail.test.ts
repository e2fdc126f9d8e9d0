import { describe, expect, test } from "vitest";
import { START_MS } from "../../support/fake-rig-port.ts";
import { ask, BEARER, post, startAgent } from "./harness.ts";

const PATH = "/api/v1/curtail";

describe("a limit for the whole rig", () => {
  test("is given with the token, shown with the rig, and lifted by null", async () => {
    await using agent = await startAgent();
    const order = { maxW: 400, untilMs: START_MS + 60_000 };
    expect((await post(agent, PATH, order, BEARER)).json).toEqual({ ...order, restW: 60 });
    expect((await ask(agent, { path: "/api/v1/rig" })).json).toMatchObject({ curtail: order });
    expect((await post(agent, PATH, { maxW: null }, BEARER)).json).toEqual({
      maxW: null,
      untilMs: null,
      restW: null,
    });
    expect((await ask(agent, { path: "/api/v1/rig" })).json).toMatchObject({ curtail: null });
  });

  test("is refused without the token", async () => {
    await using agent = await startAgent();
    expect((await post(agent, PATH, { maxW: null })).status).toBe(401);
  });

  const wrong = [
    ["no limit", {}],
    ["a limit without an end", { maxW: 400 }],
    ["an end without a limit", { maxW: null, untilMs: START_MS }],
    ["watts below 0", { maxW: -1, untilMs: START_MS }],
    ["an unknown key", { maxW: null, force: true }],
  ] as const;
  for (const [title, body] of wrong)
    test(`is refused with ${title}, and changes nothing`, async () => {
      await using agent = await startAgent();
      const { status, json } = await post(agent, PATH, body, BEARER);
      expect(status).toBe(400);
      expect(json).toMatchObject({ error: { code: "ERR_HTTP_INVALID_BODY" } });
      expect((await ask(agent, { path: "/api/v1/rig" })).json).toMatchObject({ curtail: null });
    });
});
