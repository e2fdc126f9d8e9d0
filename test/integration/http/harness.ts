import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HttpOptions, type HttpServer, startHttp } from "../../../src/http/server.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { FakeInferencePort } from "../../support/fake-inference-port.ts";
import { FakeRigPort } from "../../support/fake-rig-port.ts";

export const TOKEN = "test-token-0123456789-0123456789-0123456789-xyz";

const INSTANCE = "5b1f0c1e-test-instance";

export interface TestAgent extends AsyncDisposable {
  readonly server: HttpServer;
  readonly port: number;
  readonly rig: FakeRigPort;
  readonly inference: FakeInferencePort;
  readonly webRoot: string;
}

async function writePage(webRoot: string): Promise<void> {
  await writeFile(join(webRoot, "index.html"), "<!doctype html><title>page</title>");
  await writeFile(join(webRoot, "main-ABCD2345.js"), "export {};");
  await writeFile(join(webRoot, "secret.pem"), "not a page file");
}

/** A real server on a free port, over fakes. */
export async function startAgent(options: Partial<HttpOptions> = {}): Promise<TestAgent> {
  const folder = await mkdtemp(join(tmpdir(), "rigshift-http-"));
  const webRoot = options.webRoot ?? folder;
  if (!options.webRoot) await writePage(folder);
  const rig = (options.rig as FakeRigPort | undefined) ?? new FakeRigPort();
  const inference = new FakeInferencePort();
  const server = await startHttp({
    listen: { host: "127.0.0.1", port: 0 },
    inference,
    token: TOKEN,
    instance: INSTANCE,
    allowedHosts: [],
    customerKeys: [],
    logger: silentLogger,
    ...options,
    webRoot,
    rig,
  });
  const close = async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { server, port: Number(new URL(server.url).port), rig, inference, webRoot, [Symbol.asyncDispose]: close };
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: unknown;
}

/** Opens a request and resolves with its head; the body is still to be read. */
export function open(agent: TestAgent, { method = "GET", path, headers = {}, body }: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const isTls = agent.server.url.startsWith("https:");
    const request = isTls ? httpsRequest : httpRequest;
    const target = {
      host: "127.0.0.1",
      port: agent.port,
      method,
      path,
      headers,
      agent: false,
      rejectUnauthorized: false,
    };
    const out = request(target, resolve);
    out.on("error", reject);
    out.end(body);
  });
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // Not every answer is JSON: the page and the metrics are not.
    return undefined;
  }
};

/** One request, whole; takes any Host header, which `fetch` would not. */
export async function ask(agent: TestAgent, what: Ask): Promise<Reply> {
  const message = await open(agent, what);
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString("utf8");
  return { status: message.statusCode ?? 0, headers: message.headers, text, json: parse(text) };
}

export const JSON_TYPE = { "content-type": "application/json" };
export const BEARER = { authorization: `Bearer ${TOKEN}` };

export const post = (agent: TestAgent, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  ask(agent, { method: "POST", path, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) });

/** Sends bytes as they are and resolves with everything the server wrote until it closed. */
export function sendRaw(agent: TestAgent, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(agent.port, "127.0.0.1", () => socket.end(bytes));
    let text = "";
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
    });
    socket.on("close", () => resolve(text));
    socket.on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNRESET" ? resolve(text) : reject(error)));
  });
}
