import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { messageOf } from "../../lib/errors.ts";
import { isLoopback, type ListenAddress, listenOn } from "../loopback.ts";
import type { Miner } from "./miner.ts";
import { listenOnSocket, type SocketAddress } from "./socket-file.ts";

const HOSTS = new Set(["127.0.0.1", "localhost", "[::1]"]);
const REQUEST_TIMEOUT_MS = 5000;

/** A loopback address, one of a container's own network, or a socket file. */
export type ApiAddress = ListenAddress | SocketAddress;

export interface MinerApi {
  readonly address: ApiAddress;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const refuse = (status: number, message: string): Reply => ({ status, body: { error: message } });

/** Serves `/stats`, `/pause` and `/resume`, never to a web page; who else may connect is up to the address. */
export async function startMinerApi(miner: Miner, listen: ApiAddress): Promise<MinerApi> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  const isOurs = "socket" in listen || isLoopback(listen.host) ? isLoopbackName : isNoName;
  server.on("request", (request, response) => void serve(miner, { request, response, isOurs }));
  const address = "socket" in listen ? await listenOnSocket(server, listen) : await listenOn(server, listen);
  return { address, close: () => closeServer(server) };
}

type HostRule = (host: string) => boolean;

const isLoopbackName: HostRule = (host) => HOSTS.has(host);
/** Only a name can be pointed at another address by whoever owns it. */
const isNoName: HostRule = (host) => isLoopbackName(host) || isIP(host.replace(/^\[(.*)\]$/, "$1")) !== 0;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly isOurs: HostRule;
}

async function serve(miner: Miner, { request, response, isOurs }: Exchange): Promise<void> {
  // The body says nothing that the path does not; it is read to its end only so that the connection can go on.
  request.resume();
  const reply = guard(request, isOurs) ?? (await answer(miner, request));
  const body = JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}

/** A web page can make a browser call loopback addresses; neither its name for them nor its origin passes here. */
function guard({ headers, method }: IncomingMessage, isOurs: HostRule): Reply | undefined {
  const host = (headers.host ?? "").replace(/:\d+$/, "");
  if (!isOurs(host)) return refuse(403, "the Host header is not this machine");
  if (headers.origin !== undefined) return refuse(403, "web pages may not call the miner");
  const isJson = headers["content-type"]?.split(";")[0]?.trim() === "application/json";
  if (method === "POST" && !isJson) return refuse(415, "the content type is not application/json");
  return undefined;
}

async function answer(miner: Miner, { method, url }: IncomingMessage): Promise<Reply> {
  try {
    switch (`${method} ${url}`) {
      case "GET /stats":
        return { status: 200, body: miner.stats() };
      case "POST /pause":
        await miner.pause();
        return { status: 200, body: { paused: true } };
      case "POST /resume":
        await miner.resume();
        return { status: 200, body: { paused: false } };
      default:
        return refuse(404, "there are GET /stats, POST /pause and POST /resume");
    }
  } catch (error) {
    return refuse(500, messageOf(error));
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
