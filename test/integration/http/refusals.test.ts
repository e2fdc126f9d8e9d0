import { describe, expect, test } from "vitest";
import { type Ask, ask, BEARER, JSON_TYPE, post, sendRaw, startAgent, TOKEN } from "./harness.ts";

const MODE = JSON.stringify({ mode: "mine" });
const CHAT = JSON.stringify({ model: "rigshift-tiny", messages: [] });
const post1 = (path: string, body: string, headers: Readonly<Record<string, string>> = {}): Ask => ({
  method: "POST",
  path,
  body,
  headers: { ...JSON_TYPE, ...headers },
});

const cases: readonly (readonly [title: string, ask: Ask, status: number, code: string])[] = [
  ["a rebound name reads nothing", { path: "/api/v1/rig", headers: { host: "evil.example" } }, 403, "ERR_HTTP_HOST"],
  ["a rebound name sees no page", { path: "/", headers: { host: "evil.example:7410" } }, 403, "ERR_HTTP_HOST"],
  [
    "localhost as a prefix is another name",
    { path: "/", headers: { host: "localhost.evil.example" } },
    403,
    "ERR_HTTP_HOST",
  ],
  ["a foreign address is not ours", { path: "/", headers: { host: "192.168.1.5" } }, 403, "ERR_HTTP_HOST"],
  ["a malformed Host is no name", { path: "/", headers: { host: "127.0.0.1@evil" } }, 403, "ERR_HTTP_HOST"],
  [
    "a foreign page sets no mode even with the token",
    post1("/api/v1/mode", MODE, { ...BEARER, origin: "https://evil.example" }),
    403,
    "ERR_HTTP_ORIGIN",
  ],
  ["an opaque origin sets no mode", post1("/api/v1/mode", MODE, { ...BEARER, origin: "null" }), 403, "ERR_HTTP_ORIGIN"],
  [
    "a foreign page runs no inference",
    post1("/v1/chat/completions", CHAT, { origin: "https://evil.example" }),
    403,
    "origin",
  ],
  [
    "a cross-site fetch runs no inference",
    post1("/v1/completions", CHAT, { "sec-fetch-site": "cross-site" }),
    403,
    "origin",
  ],
  [
    "a foreign page holds no event stream",
    { path: "/api/v1/events", headers: { origin: "https://evil.example" } },
    403,
    "ERR_HTTP_ORIGIN",
  ],
  ["a write without token", post1("/api/v1/mode", MODE), 401, "ERR_HTTP_TOKEN"],
  [
    "a write with a wrong token",
    post1("/api/v1/mode", MODE, { authorization: `Bearer ${TOKEN}x` }),
    401,
    "ERR_HTTP_TOKEN",
  ],
  ["a write with an empty token", post1("/api/v1/mode", MODE, { authorization: "Bearer " }), 401, "ERR_HTTP_TOKEN"],
  [
    "a write with the token as a password",
    post1("/api/v1/mode", MODE, { authorization: `Basic ${btoa(`a:${TOKEN}`)}` }),
    401,
    "ERR_HTTP_TOKEN",
  ],
  [
    "a form post to the mode",
    post1("/api/v1/mode", "mode=mine", { ...BEARER, "content-type": "application/x-www-form-urlencoded" }),
    415,
    "ERR_HTTP_MEDIA_TYPE",
  ],
  [
    "a text post to inference, which needs no preflight",
    post1("/v1/chat/completions", CHAT, { "content-type": "text/plain" }),
    415,
    "media_type",
  ],
  [
    "a type that only contains JSON's",
    post1("/v1/chat/completions", CHAT, { "content-type": "text/plain; application/json" }),
    415,
    "media_type",
  ],
  ["a post without type or body", { method: "POST", path: "/v1/embeddings" }, 415, "media_type"],
  ["a body that is not JSON", post1("/api/v1/mode", "{mode:", BEARER), 400, "ERR_HTTP_MALFORMED_JSON"],
  ["an inference body that is not JSON", post1("/v1/chat/completions", "{"), 400, "malformed_json"],
  ["an empty body", post1("/api/v1/mode", "", BEARER), 400, "ERR_HTTP_MALFORMED_JSON"],
  [
    "a body that poisons prototypes",
    post1("/api/v1/mode", '{"__proto__":{"mode":"mine"},"mode":"mine"}', BEARER),
    400,
    "ERR_HTTP_MALFORMED_JSON",
  ],
  ["an unknown mode", post1("/api/v1/mode", '{"mode":"turbo"}', BEARER), 400, "ERR_HTTP_INVALID_BODY"],
  ["an unknown key", post1("/api/v1/mode", '{"mode":"mine","force":true}', BEARER), 400, "ERR_HTTP_INVALID_BODY"],
  ["a negative time", post1("/api/v1/mode", '{"mode":"mine","forMs":-1}', BEARER), 400, "ERR_HTTP_INVALID_BODY"],
  ["a GPU by index", post1("/api/v1/mode", '{"mode":"mine","gpu":"0"}', BEARER), 400, "ERR_HTTP_INVALID_BODY"],
  ["a list as body", post1("/api/v1/mode", "[]", BEARER), 400, "ERR_HTTP_INVALID_BODY"],
  ["a body past 1 MiB", post1("/v1/chat/completions", `"${"x".repeat(1024 * 1024)}"`), 413, "body_too_large"],
  [
    "a mode body past 1 MiB",
    post1("/api/v1/mode", `"${"x".repeat(1024 * 1024)}"`, BEARER),
    413,
    "ERR_HTTP_BODY_TOO_LARGE",
  ],
  ["an unknown address", { path: "/api/v1/nothing" }, 404, "ERR_HTTP_NOT_FOUND"],
  ["an unknown OpenAI address", { path: "/v1/audio" }, 404, "not_found"],
  ["a post to an unknown address", { method: "POST", path: "/api/v2/mode" }, 404, "ERR_HTTP_NOT_FOUND"],
  ["a wrong method", post1("/api/v1/rig", "{}"), 405, "ERR_HTTP_METHOD"],
  [
    "a wrong method with a body of a wrong type",
    post1("/api/v1/rig", "x", { "content-type": "text/plain" }),
    405,
    "ERR_HTTP_METHOD",
  ],
  ["a wrong method on inference", { path: "/v1/completions" }, 405, "method"],
  ["a delete of the page", { method: "DELETE", path: "/" }, 405, "ERR_HTTP_METHOD"],
  [
    "a preflight",
    { method: "OPTIONS", path: "/api/v1/mode", headers: { origin: "https://evil.example" } },
    403,
    "ERR_HTTP_ORIGIN",
  ],
  ["a limit of zero", { path: "/api/v1/jobs?limit=0" }, 400, "ERR_HTTP_INVALID_QUERY"],
  ["a limit past the greatest", { path: "/api/v1/jobs?limit=1001" }, 400, "ERR_HTTP_INVALID_QUERY"],
  ["a limit in words", { path: "/api/v1/decisions?limit=ten" }, 400, "ERR_HTTP_INVALID_QUERY"],
  ["a limit twice", { path: "/api/v1/decisions?limit=1&limit=2" }, 400, "ERR_HTTP_INVALID_QUERY"],
  ["an unknown parameter", { path: "/api/v1/rig?verbose=1" }, 400, "ERR_HTTP_INVALID_QUERY"],
  ["a backward range", { path: "/api/v1/energy?from=20&to=10" }, 400, "ERR_HTTP_INVALID_QUERY"],
  [
    "a range too long for its bucket",
    { path: "/api/v1/energy?from=0&to=1789382400000" },
    400,
    "ERR_HTTP_INVALID_QUERY",
  ],
  ["an unknown bucket", { path: "/api/v1/energy?bucket=1y" }, 400, "ERR_HTTP_INVALID_QUERY"],
  ["an address that is no URI", { path: "/%zz" }, 400, "ERR_HTTP_MALFORMED_REQUEST"],
  ["a path out of the web root", { path: "/../secret.pem" }, 404, "ERR_HTTP_NOT_FOUND"],
  ["an encoded path out of the web root", { path: "/%2e%2e%2f%2e%2e%2fetc%2fpasswd" }, 404, "ERR_HTTP_NOT_FOUND"],
  ["a file of the web root that is no page file", { path: "/secret.pem" }, 404, "ERR_HTTP_NOT_FOUND"],
  ["a path with a null byte", { path: "/index.html%00.js" }, 404, "ERR_HTTP_NOT_FOUND"],
  ["a doubled slash", { path: "//etc/passwd" }, 404, "ERR_HTTP_NOT_FOUND"],
];

describe("turned away, in the error shape of the route's family:", () => {
  for (const [title, what, status, code] of cases) {
    test(`${title} (${status})`, async () => {
      await using agent = await startAgent();
      const reply = await ask(agent, what);
      expect({ status: reply.status, body: reply.json }).toMatchObject({ status, body: { error: { code } } });
      const keys = code.startsWith("ERR_") ? ["code", "mend", "message"] : ["code", "message", "param", "type"];
      expect(Object.keys((reply.json as { error: object }).error).sort()).toEqual(keys);
      expect(reply.headers["x-content-type-options"]).toBe("nosniff");
      expect(reply.text).not.toMatch(/node_modules|\.ts:|FST_|\n *at /);
      expect(agent.rig.modeRequests).toEqual([]);
      expect(agent.inference.calls).toEqual([]);
    });
  }
});

describe("let through:", () => {
  const hosts = [
    "127.0.0.1",
    "127.8.9.10:1",
    "localhost",
    "LOCALHOST:7410",
    "localhost.",
    "[::1]:7410",
    "rig.lan",
    "RIG.LAN:80",
  ];
  for (const host of hosts) {
    test(`the name ${host}`, async () => {
      await using agent = await startAgent({ allowedHosts: ["rig.lan:7410"] });
      expect((await ask(agent, { path: "/api/v1/rig", headers: { host } })).status).toBe(200);
    });
  }

  test("a write from the agent's own page, and one without Origin", async () => {
    await using agent = await startAgent();
    const origin = agent.server.url;
    expect((await post(agent, "/api/v1/mode", { mode: "mine" }, { ...BEARER, origin })).status).toBe(200);
    expect((await post(agent, "/api/v1/mode", { mode: "auto" }, BEARER)).status).toBe(200);
    expect((await post(agent, "/v1/chat/completions", {}, { origin })).status).toBe(200);
  });
});

describe("with customer keys", () => {
  const statuses = async (headers: Readonly<Record<string, string>>) => {
    await using agent = await startAgent({ customerKeys: ["sk-alice", "sk-bob"] });
    return (await post(agent, "/v1/chat/completions", {}, headers)).status;
  };

  test("inference needs one of them, and the operator's token is none", async () => {
    expect(await statuses({})).toBe(401);
    expect(await statuses({ authorization: "Bearer sk-eve" })).toBe(401);
    expect(await statuses({ authorization: "Bearer sk-bob" })).toBe(200);
    expect(await statuses(BEARER)).toBe(401);
  });

  test("the list of models needs one as well, and an unknown address is told apart without", async () => {
    await using agent = await startAgent({ customerKeys: ["sk-alice"] });
    const listed = async (headers: Readonly<Record<string, string>>) =>
      (await ask(agent, { path: "/v1/models", headers })).status;
    expect([await listed({}), await listed(BEARER), await listed({ authorization: "Bearer sk-alice" })]).toEqual([
      401, 401, 200,
    ]);
    expect((await ask(agent, { path: "/v1/audio" })).status).toBe(404);
  });

  test("a customer without one is sent to the operator for a key, and hears nothing of the operator's token", async () => {
    await using agent = await startAgent({ customerKeys: ["sk-alice"] });
    for (const headers of [{}, { authorization: "Bearer sk-eve" }]) {
      const { json, text, headers: head } = await post(agent, "/v1/chat/completions", {}, headers);
      expect(json).toEqual({
        error: {
          message: expect.stringContaining("send one of the API keys this rig's operator gave you"),
          type: "authentication_error",
          param: null,
          code: "invalid_api_key",
        },
      });
      expect(text).not.toMatch(/token|data directory/);
      expect(head["www-authenticate"]).toBe('Bearer realm="rigshift"');
    }
  });

  test("a customer's key opens nothing else", async () => {
    await using agent = await startAgent({ customerKeys: ["sk-alice"] });
    const headers = { authorization: "Bearer sk-alice" };
    expect((await post(agent, "/api/v1/mode", { mode: "mine" }, headers)).status).toBe(401);
  });
});

describe("below HTTP", () => {
  const raws: readonly (readonly [string, string, RegExp])[] = [
    ["garbage", "\x16\x03\x01garbage\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["no Host at all in HTTP/1.1", "GET /api/v1/rig HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["no Host in HTTP/1.0", "GET /api/v1/rig HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 403 /],
    ["too long headers", `GET / HTTP/1.1\r\nHost: localhost\r\nA: ${"x".repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [
      "two lengths",
      "POST /api/v1/mode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "smuggling by two framings",
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "an absolute address of another host",
      "GET http://evil.example/api/v1/rig HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 40[034] /,
    ],
    [
      "a climbing path as written",
      "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 404 /,
    ],
  ];
  for (const [title, bytes, answer] of raws) {
    test(`${title} is answered and the agent lives on`, async () => {
      await using agent = await startAgent();
      expect(await sendRaw(agent, bytes)).toMatch(answer);
      expect((await ask(agent, { path: "/healthz" })).status).toBe(200);
    });
  }
});
