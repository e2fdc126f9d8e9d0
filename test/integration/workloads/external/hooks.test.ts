import { chmodSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { millis, seconds } from "../../../../src/units/time.ts";
import { callHook, type HookContext } from "../../../../src/workloads/external/hooks.ts";
import type { WebHook } from "../../../../src/workloads/external/web-hook.ts";
import { PriceServer } from "../../../support/price-server.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";

const NEVER = new AbortController().signal;
const CONTEXT: HookContext = {
  external: "vast",
  gpus: ["GPU-1", "GPU-2"],
  purpose: "start",
  reason: "it pays most",
  privateHosts: ["127.0.0.1"],
};

let server: PriceServer;
beforeEach(async () => {
  server = await PriceServer.start();
});
afterEach(() => server[Symbol.asyncDispose]());

function secretFile(directory: TemporaryDirectory, name: string, text: string, mode: number): string {
  const file = directory.write(name, text);
  chmodSync(file, mode);
  return file;
}

const ask = (hook: Partial<WebHook>, context: Partial<HookContext> = {}, signal = NEVER) =>
  callHook(
    { kind: "web", url: server.url(), method: "GET", headers: {}, timeout: seconds(5), ...hook },
    { ...CONTEXT, ...context },
    signal,
  );

test("a command is told which external workload it is, why, and on which GPUs", async () => {
  const names = ["EXTERNAL", "GPU", "GPUS", "HOOK", "REASON"].map((name) => `RIGSHIFT_${name}`);
  const script = names.map((name) => `echo "$${name}"`).join(";");
  const answer = await callHook(
    { kind: "command", command: ["/bin/sh", "-c", script], timeout: seconds(5) },
    CONTEXT,
    NEVER,
  );
  expect(answer).toEqual({ kind: "answered", text: "vast\nGPU-1\nGPU-1,GPU-2\nstart\nit pays most" });
});

test("an address is asked with its method, headers, secrets and body, which a GET may have too", async () => {
  using directory = new TemporaryDirectory();
  const file = secretFile(directory, "token", "hunter2\n", 0o600);
  server.says('{"config":{"rental_status":1}}');
  const headers = { auth: { secret: { file }, prefix: "Bearer " }, "content-type": "application/json" };
  const answer = await ask({ url: server.url("/v1/{gpu}"), headers, body: '{"server_name":"rig"}' });
  expect(answer).toEqual({ kind: "answered", text: '{"config":{"rental_status":1}}' });
  expect(server.questions).toMatchObject([
    { method: "GET", path: "/v1/GPU-1", body: '{"server_name":"rig"}', headers: { auth: "Bearer hunter2" } },
  ]);
});

test("a host in the house is only asked where the operator named it", async () => {
  expect(await ask({}, { privateHosts: [] })).toEqual({
    kind: "failed",
    reason: "127.0.0.1 stands at 127.0.0.1, which is no public address: list it in privateHosts if it is meant",
  });
  expect(await ask({ url: server.url().replace("127.0.0.1", "localhost") })).toMatchObject({
    kind: "failed",
    reason: expect.stringMatching(/^localhost stands at .* no public address/),
  });
  expect(server.questions).toEqual([]);
});

const failures = [
  ["an error of the server", 500, {}, "HTTP 500"],
  ["a redirect, wherever it leads", 302, { location: "http://169.254.169.254/" }, "HTTP 302"],
  ["a refusal", 401, {}, "HTTP 401"],
] as const;
for (const [title, status, headers, reason] of failures)
  test(`${title} is no answer`, async () => {
    server.answer = (_question, response) => void response.writeHead(status, headers).end("true");
    expect(await ask({})).toEqual({ kind: "failed", reason });
  });

test("an empty success is an empty answer", async () => {
  server.answer = (_question, response) => void response.writeHead(204).end();
  expect(await ask({ method: "POST" })).toEqual({ kind: "answered", text: "" });
});

test("an answer without end is cut off", async () => {
  server.says("x".repeat(1_000_000));
  expect(await ask({})).toEqual({ kind: "failed", reason: "the answer is larger than 65536 bytes" });
});

test("an answer that never comes is not waited for beyond its time", async () => {
  server.answer = () => {};
  const began = performance.now();
  expect(await ask({ timeout: millis(300) })).toEqual({ kind: "failed", reason: "it timed out after 0.3 s" });
  expect(performance.now() - began).toBeLessThan(5000);
});

test("an answer that stops in the middle is not waited for beyond its time", async () => {
  server.answer = (_question, response) => void response.writeHead(200, { "content-length": "100" }).write("tr");
  expect(await ask({ timeout: millis(300) })).toEqual({ kind: "failed", reason: "it timed out after 0.3 s" });
});

test("nobody there is a failure with the reason", async () => {
  expect(await ask({ url: "http://127.0.0.1:1/" })).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a secret that cannot be read or sent is a failure that repeats none of it", async () => {
  using directory = new TemporaryDirectory();
  const open = secretFile(directory, "open", "hunter2", 0o644);
  const broken = secretFile(directory, "broken", "hunter2\nx: y", 0o600);
  for (const secret of [{ file: open }, { file: broken }, { env: "RIGSHIFT_NO_SUCH" }]) {
    const answer = await ask({ headers: { auth: { secret, prefix: "" } } });
    expect(answer.kind).toBe("failed");
    expect(JSON.stringify(answer)).not.toContain("hunter2");
  }
  expect(server.questions).toEqual([]);
});

test("a question is given up when the agent stops", async () => {
  server.answer = () => {};
  const stop = new AbortController();
  const answer = ask({}, {}, stop.signal);
  stop.abort();
  expect(await answer).toEqual({ kind: "failed", reason: "the agent stops" });
});
