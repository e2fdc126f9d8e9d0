import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { HttpError } from "../../../src/http/errors.ts";
import { toOneLine } from "../../../src/lib/errors.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { ask, BEARER, open, post, startAgent, TOKEN } from "./harness.ts";

const folder = new TemporaryDirectory();
afterAll(() => folder[Symbol.dispose]());

const TEST_KEY = readFileSync(join(import.meta.dirname, "tls/test-only-key.pem"), "utf8");
/** A checkout gives the key to everyone; a file that holds one must not. */
const writeKey = (name: string, mode: number): string => {
  const path = folder.write(name, TEST_KEY);
  chmodSync(path, mode);
  return path;
};

const tls = { certFile: join(import.meta.dirname, "tls/test-only-cert.pem"), keyFile: writeKey("key.pem", 0o600) };

const faultOf = async (start: Promise<unknown>): Promise<HttpError> => {
  const fault = await start.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (fault instanceof HttpError) return fault;
  throw new Error("expected the start to fail with an HttpError", { cause: fault });
};

describe("starting", () => {
  test("names the port and the key to change when the port is taken", async () => {
    await using agent = await startAgent();
    const fault = await faultOf(startAgent({ listen: { host: "127.0.0.1", port: agent.port } }));
    expect(fault.facts).toMatchObject({ code: "ERR_HTTP_PORT_IN_USE", port: agent.port });
    expect(toOneLine(fault)).toContain(`port ${agent.port} is in use on 127.0.0.1 (ERR_HTTP_PORT_IN_USE): `);
    expect(fault.facts.mend).toMatch(/--listen .*http\.listen/);
  });

  test("refuses an address that this machine does not have", async () => {
    const fault = await faultOf(startAgent({ listen: { host: "192.0.2.1", port: 0 }, tls }));
    expect(fault.facts).toMatchObject({ code: "ERR_HTTP_LISTEN", host: "192.0.2.1" });
  });

  test("refuses to listen off loopback without TLS", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.4", "rig.lan", "127.0.0.1.evil.example"]) {
      const fault = await faultOf(startAgent({ listen: { host, port: 0 } }));
      expect(fault.facts.code, host).toBe("ERR_HTTP_TLS_REQUIRED");
    }
  });

  test("refuses a certificate that it cannot use", async () => {
    const certFile = join(import.meta.dirname, "listener.test.ts");
    const fault = await faultOf(startAgent({ tls: { ...tls, certFile } }));
    expect(fault.facts).toMatchObject({ code: "ERR_HTTP_TLS_FILE", mend: expect.stringContaining("certFile") });
  });

  test("refuses a key that the group or others can read", async () => {
    for (const mode of [0o640, 0o604]) {
      const keyFile = writeKey(`key-${mode}.pem`, mode);
      const fault = await faultOf(startAgent({ tls: { ...tls, keyFile } }));
      expect(fault.facts).toMatchObject({ code: "ERR_HTTP_TLS_FILE", mend: `run: chmod 600 ${keyFile}` });
    }
  });

  test("listens on IPv6 loopback under an address that can be opened", async () => {
    await using agent = await startAgent({ listen: { host: "::1", port: 0 } });
    expect(agent.server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${agent.server.url}/healthz`)).status).toBe(200);
  });
});

describe("off loopback, over TLS,", () => {
  const start = () => startAgent({ listen: { host: "0.0.0.0", port: 0 }, tls, customerKeys: ["sk-alice"] });
  const paths = ["/", "/healthz", "/readyz", "/metrics", "/api/v1/rig", "/api/v1/events", "/v1/models", "/nothing"];

  test("nothing answers without the token", async () => {
    await using agent = await start();
    for (const path of paths) {
      const { status, headers } = await ask(agent, { path });
      expect(status, path).toBe(401);
      expect(headers["www-authenticate"], path).toContain(path === "/v1/models" ? "Bearer" : "Basic");
    }
    expect((await post(agent, "/v1/chat/completions", {})).status).toBe(401);
    expect((await post(agent, "/nothing", {})).status).toBe(401);
  });

  test("the token opens reads and writes, and a browser may give it as a password for reads", async () => {
    await using agent = await start();
    for (const path of paths.slice(0, -1).filter((path) => path !== "/v1/models")) {
      const byBearer = await open(agent, { path, headers: BEARER });
      byBearer.destroy();
      const byPassword = await open(agent, { path, headers: { authorization: `Basic ${btoa(`me:${TOKEN}`)}` } });
      byPassword.destroy();
      expect([byBearer.statusCode, byPassword.statusCode], path).toEqual([200, 200]);
    }
    expect((await post(agent, "/api/v1/mode", { mode: "mine" }, BEARER)).status).toBe(200);
    const basic = { authorization: `Basic ${btoa(`me:${TOKEN}`)}` };
    expect((await post(agent, "/api/v1/mode", { mode: "mine" }, basic)).status).toBe(401);
  });

  test("a customer's key opens inference and the list of models, nothing else", async () => {
    await using agent = await start();
    const key = { authorization: "Bearer sk-alice" };
    expect((await post(agent, "/v1/chat/completions", {}, key)).status).toBe(200);
    expect((await ask(agent, { path: "/v1/models", headers: key })).status).toBe(200);
    expect((await ask(agent, { path: "/api/v1/rig", headers: key })).status).toBe(401);
  });

  test("without any customer key the token opens inference, because nothing else could", async () => {
    await using agent = await startAgent({ listen: { host: "0.0.0.0", port: 0 }, tls });
    expect((await post(agent, "/v1/chat/completions", {})).status).toBe(401);
    expect((await post(agent, "/v1/chat/completions", {}, BEARER)).status).toBe(200);
  });

  test("an address may stand in the Host header, an unknown name may not", async () => {
    await using agent = await start();
    const statusFor = async (host: string) =>
      (await ask(agent, { path: "/healthz", headers: { ...BEARER, host } })).status;
    expect(await statusFor("192.168.1.4:7410")).toBe(200);
    expect(await statusFor("evil.example")).toBe(403);
  });
});
