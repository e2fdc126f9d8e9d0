import { chmodSync, lstatSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { answerChat, answerCompletion } from "./answer.ts";
import type { Engine } from "./engine.ts";
import { ApiError, messageOf, StartError } from "./errors.ts";
import { readJson, sendEvent, sendJson } from "./http.ts";
import { log } from "./log.ts";
import { modelList } from "./replies.ts";

type Handler = (engine: Engine, request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const ROUTES: Record<string, { method: "GET" | "POST"; handle: Handler }> = {
  "/healthz": { method: "GET", handle: (_engine, _request, response) => sendJson(response, 200, { status: "ok" }) },
  "/engine": { method: "GET", handle: (engine, _request, response) => sendJson(response, 200, engine.status) },
  "/v1/models": {
    method: "GET",
    handle: (engine, _request, response) => sendJson(response, 200, modelList(engine.loaded)),
  },
  "/v1/chat/completions": {
    method: "POST",
    handle: async (engine, request, response) => answerChat(engine, await readJson(request), response),
  },
  "/v1/completions": {
    method: "POST",
    handle: async (engine, request, response) => answerCompletion(engine, await readJson(request), response),
  },
};

const LOOPBACK_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);
const LOOPBACK_ADDRESSES = new Set(["localhost", "127.0.0.1", "::1"]);

export type Address = { host: string; port: number } | { socket: string };

interface Listen {
  host: string;
  port: number;
  socket: string | undefined;
}

export async function listen(engine: Engine, where: Listen): Promise<{ server: Server; address: Address }> {
  const { host, socket } = where;
  // A socket file is passed on to a loopback port as easily as not, so it is guarded like one.
  const guarded = socket !== undefined || LOOPBACK_ADDRESSES.has(host);
  const server = createServer((request, response) => {
    void handle(engine, { request, response, guarded });
  });
  // Longer than a gateway's own idle time, so that the gateway closes first and never meets a closed socket.
  server.keepAliveTimeout = 75_000;
  const address = socket === undefined ? await listenOnPort(server, where) : await listenOnSocket(server, socket);
  return { server, address };
}

async function listenOnPort(server: Server, { host, port }: Listen): Promise<Address> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
  return { host, port: (server.address() as AddressInfo).port };
}

/** Over a socket that an earlier run left; nothing but a socket is ever removed. */
async function listenOnSocket(server: Server, socket: string): Promise<Address> {
  try {
    if (lstatSync(socket, { throwIfNoEntry: false })?.isSocket()) rmSync(socket);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socket, resolve);
    });
    // The agent is another user than the one inside the container, and the folder already says who may come in.
    chmodSync(socket, 0o666);
    return { socket };
  } catch (error) {
    const what = `${socket} cannot be listened on: ${messageOf(error)}`;
    throw new StartError("ERR_LISTEN", what, "name a file in a folder that the engine may write to", error);
  }
}

async function handle(
  engine: Engine,
  { request, response, guarded }: { request: IncomingMessage; response: ServerResponse; guarded: boolean },
): Promise<void> {
  // A client may go away at any moment; what matters of that is seen as "close".
  response.on("error", () => {});
  try {
    if (guarded) requireLoopbackHost(request);
    const handler = route(request);
    await handler(engine, request, response);
  } catch (error) {
    refuse(response, error);
  } finally {
    // An unread rest of the body would be taken for the next request on this connection.
    if (!request.complete) request.resume();
  }
}

function route(request: IncomingMessage): Handler {
  const [path = "/"] = (request.url ?? "/").split("?", 1);
  const found = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (!found) throw new ApiError({ status: 404, message: "there is no such route", code: "unknown_route" });
  if (request.method === found.method) return found.handle;
  throw new ApiError({
    status: 405,
    message: `${path} takes ${found.method} only`,
    code: "method_not_allowed",
    headers: { allow: found.method },
  });
}

/** A web page that re-points its own name at this machine still sends that name as Host. */
function requireLoopbackHost(request: IncomingMessage): void {
  const name = (request.headers.host ?? "").replace(/:\d+$/, "").toLowerCase();
  if (LOOPBACK_NAMES.has(name)) return;
  throw new ApiError({ status: 403, message: "this engine answers to loopback names only", code: "host_not_allowed" });
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  const refusal = error instanceof ApiError ? error : fault(error);
  if (!response.headersSent) {
    sendJson(response, refusal.status, refusal.body, refusal.headers);
    return;
  }
  sendEvent(response, refusal.body);
  response.end();
}

function fault(error: unknown): ApiError {
  if (error instanceof Error && error.name === "AbortError") {
    return new ApiError({ status: 503, message: "the engine is stopping", code: "engine_stopping" });
  }
  log("a request failed", { error: messageOf(error) });
  return new ApiError({ status: 500, message: "the engine failed on this request", code: "internal_error" });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): StartError {
  const where = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  if (error.code === "EADDRINUSE") {
    return new StartError("ERR_PORT_IN_USE", `${where} is taken`, "choose another --port, or 0 for a free one", error);
  }
  return new StartError("ERR_LISTEN", `${where} cannot be listened on: ${error.message}`, "check --host and --port");
}
