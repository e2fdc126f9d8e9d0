import type { AddressInfo, Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { RigPort } from "../api/rig-port.ts";
import { API_ROUTES } from "../api/routes.ts";
import type { InferencePort } from "../inference/answer.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { isRigError, messageOf, systemCodeOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { type AccessRules, refuseAccess, toAccessRules } from "./access.ts";
import { addApiRoutes } from "./api-routes.ts";
import { createEventStream, STREAM_LIMITS, type StreamLimits } from "./events.ts";
import {
  createListener,
  type ListenAddress,
  loadTls,
  type TlsFiles,
  type TlsMaterial,
  toListenFault,
} from "./listener.ts";
import { addOpenAiRoutes } from "./openai-routes.ts";
import { addPageRoutes } from "./page-routes.ts";
import { familyOf, MALFORMED_REQUEST, type Refusal, toErrorBody, toRefusal } from "./refusal.ts";
import { loadStaticFiles, type StaticFile } from "./static-files.ts";

export interface HttpOptions {
  readonly listen: ListenAddress;
  /** Needed off loopback, where plain HTTP is refused. */
  readonly tls?: TlsFiles;
  readonly rig: RigPort;
  readonly inference: InferencePort;
  /** What `loadToken` gave: opens every write, and everything off loopback. */
  readonly token: string;
  /** Folder of the built page. */
  readonly webRoot: string;
  /** Host names to answer under, beside loopback and the listening address. */
  readonly allowedHosts: readonly string[];
  /** Names this run of the agent on `/healthz`, so that a client can tell it from whatever else holds the port. */
  readonly instance: string;
  /** API keys of the OpenAI routes; with none, inference on loopback is open. */
  readonly customerKeys: readonly string[];
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly streamLimits?: StreamLimits;
}

/** A listening server. `close` ends event streams and running answers, and resolves once every connection is gone. */
export interface HttpServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

const BODY_LIMIT_BYTES = 1024 * 1024;

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "x-frame-options": "DENY",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
};

const pathOf = (request: FastifyRequest): string => request.url.split(/[?#]/, 1)[0] ?? "/";

function sendRefusal(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const body = toErrorBody(refusal, familyOf(pathOf(request)));
  return reply
    .code(refusal.status)
    .headers({ ...SECURITY_HEADERS, ...refusal.headers })
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(body));
}

/** The methods of each known address, for telling a wrong method from an unknown address. */
function toMethodTable(files: ReadonlyMap<string, StaticFile>): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  for (const path of ["/", ...files.keys()]) table.set(path, "GET, HEAD");
  for (const { method, path } of API_ROUTES) {
    table.set(path, method === "post" ? "POST" : path === "/api/v1/events" ? "GET" : "GET, HEAD");
  }
  return table;
}

function refuseUnknown(request: FastifyRequest, methods: ReadonlyMap<string, string>): Refusal {
  const allow = methods.get(pathOf(request));
  if (allow === undefined)
    return {
      status: 404,
      code: "ERR_HTTP_NOT_FOUND",
      message: "there is nothing at this address",
      mend: "see /api/v1/openapi.json for what there is",
    };
  const message = `this address does not take ${request.method}`;
  return { status: 405, code: "ERR_HTTP_METHOD", message, mend: `use ${allow}`, headers: { allow } };
}

function onError(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const refusal = toRefusal(error, request.method === "POST");
  if (refusal.status >= 500) {
    const code = isRigError(error) ? error.facts.code : undefined;
    logger.error("request failed", { path: pathOf(request), code, error: messageOf(error) });
  }
  return sendRefusal(request, reply, refusal);
}

const BROKEN_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/** Answers what could not even be read as HTTP, and lets the connection go. */
function onBrokenClient(error: Error, socket: Socket): void {
  if (systemCodeOf(error) === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = BROKEN_STATUS[systemCodeOf(error) ?? ""] ?? "400 Bad Request";
  const body = JSON.stringify(toErrorBody(MALFORMED_REQUEST, "api"));
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\nx-content-type-options: nosniff`;
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}

function createApp(tls: TlsMaterial | undefined, logger: Logger): FastifyInstance {
  const app = Fastify({
    serverFactory: (handler) => createListener(tls, handler),
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    logger: false,
    clientErrorHandler: onBrokenClient,
    frameworkErrors: (_error, request, reply) => sendRefusal(request, reply, MALFORMED_REQUEST),
  });
  app.removeAllContentTypeParsers();
  const options = { parseAs: "string", bodyLimit: BODY_LIMIT_BYTES } as const;
  app.addContentTypeParser("application/json", options, app.getDefaultJsonParser("error", "error"));
  app.setErrorHandler((error, request, reply) => onError(error, request, reply, logger));
  return app;
}

/** Decides before a body is read; an unknown address is only told apart for those who may ask at all. */
function guard(app: FastifyInstance, rules: AccessRules, methods: ReadonlyMap<string, string>): void {
  app.addHook("onRequest", (request, reply, next) => {
    const path = pathOf(request);
    const { method, headers } = request;
    const port = request.socket.localPort ?? 0;
    const facts = { method, path, port, family: familyOf(path), routeExists: !request.is404, headers };
    const refusal = refuseAccess(facts, rules) ?? (request.is404 ? refuseUnknown(request, methods) : undefined);
    if (refusal) return void sendRefusal(request, reply, refusal);
    reply.headers(SECURITY_HEADERS);
    return next();
  });
}

function toUrl(app: FastifyInstance, { host }: ListenAddress, scheme: string): string {
  const address = app.server.address() as AddressInfo;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

/** Listens, and answers until `close`. Throws an `HttpError` when it cannot. */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { listen, rig, inference, instance, logger, clock = systemClock } = options;
  const tls = loadTls(listen, options.tls);
  const scheme = tls ? "https" : "http";
  const files = await loadStaticFiles(options.webRoot);
  if (files.size === 0) logger.warn("the status page is not built", { webRoot: options.webRoot });

  const app = createApp(tls, logger);
  const stopping = new AbortController();
  const events = createEventStream({ rig, clock, logger, limits: options.streamLimits ?? STREAM_LIMITS });
  const methods = toMethodTable(files);
  guard(app, toAccessRules({ ...options, host: listen.host }), methods);
  addPageRoutes(app, files);
  addApiRoutes(app, { rig, instance, clock, logger, events });
  const hasKeys = options.customerKeys.length > 0;
  addOpenAiRoutes(app, { inference, clock, logger, hasKeys, stopping: stopping.signal });
  app.setNotFoundHandler((request, reply) => sendRefusal(request, reply, refuseUnknown(request, methods)));
  app.addHook("preClose", (done) => {
    stopping.abort();
    events.close();
    done();
  });

  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    throw toListenFault(error, listen);
  }
  return { url: toUrl(app, listen, scheme), close: () => app.close() };
}
