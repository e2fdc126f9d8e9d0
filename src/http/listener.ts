import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createSecureContext } from "node:tls";
import { readPrivateFile } from "../config/private-file.ts";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { isLoopback } from "./access.ts";
import { HttpError } from "./errors.ts";

export interface ListenAddress {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
}

const LIMITS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 72_000,
  connectionsCheckingInterval: 5000,
};
const LARGEST_KEY = 64 * 1024;
const MAX_CONNECTIONS = 1024;
const MAX_HEADERS = 100;
/** Longer than the heartbeat of an event stream, so that only a dead connection reaches it. */
const IDLE_MS = 120_000;

/** Reads the certificate and its key; undefined on loopback without any, a fault off loopback without any. */
export function loadTls({ host }: ListenAddress, files: TlsFiles | undefined): TlsMaterial | undefined {
  if (!files) {
    if (isLoopback(host)) return undefined;
    const mend = "give http.tls a certFile and a keyFile in rig.yaml, or listen on 127.0.0.1";
    throw new HttpError(`refusing to listen on ${host} without TLS`, { code: "ERR_HTTP_TLS_REQUIRED", mend, host });
  }
  const key = readPrivateFile(files.keyFile, LARGEST_KEY);
  if (key.kind === "refused") throw tlsFault(`${files.keyFile} ${key.why}`, key.mend, key.cause);
  try {
    const material = { cert: readFileSync(files.certFile), key: Buffer.from(key.text) };
    createSecureContext(material);
    return material;
  } catch (error) {
    const mend = "point http.tls.certFile and http.tls.keyFile at a PEM certificate and its key";
    throw tlsFault(messageOf(error), mend, error);
  }
}

const tlsFault = (why: string, mend: string, cause: unknown): HttpError =>
  new HttpError(`the TLS files cannot be used: ${why}`, { code: "ERR_HTTP_TLS_FILE", mend }, { cause });

/** A server with every limit set; not listening yet. */
export function createListener(tls: TlsMaterial | undefined, onRequest: RequestListener): Server {
  const server = tls
    ? createTlsServer({ ...LIMITS, ...tls, minVersion: "TLSv1.2" }, onRequest)
    : createServer(LIMITS, onRequest);
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_HEADERS;
  server.setTimeout(IDLE_MS);
  return server;
}

/** What went wrong when listening failed, in words that name the port and the key to change. */
export function toListenFault(error: unknown, { host, port }: ListenAddress): HttpError {
  const facts = { host, port };
  if (systemCodeOf(error) === "EADDRINUSE") {
    const mend = "stop what listens there, or start with --listen 127.0.0.1:PORT (in rig.yaml: http.listen)";
    const what = `port ${port} is in use on ${host}`;
    return new HttpError(what, { code: "ERR_HTTP_PORT_IN_USE", mend, ...facts }, { cause: error });
  }
  const mend = "name an address of this machine and a free port with --listen, or in http.listen of rig.yaml";
  const what = `cannot listen on ${host}:${port}: ${messageOf(error)}`;
  return new HttpError(what, { code: "ERR_HTTP_LISTEN", mend, ...facts }, { cause: error });
}
