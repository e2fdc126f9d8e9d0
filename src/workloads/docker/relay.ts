import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Endpoint } from "../../config/fields.ts";
import { messageOf } from "../../lib/errors.ts";
import { ContainerError } from "../errors.ts";

export interface Relay extends Endpoint {
  close(): Promise<void>;
}

export interface RelayParts {
  /** An address of this machine, never a wildcard; port 0 takes any free one. */
  readonly listen: Endpoint;
  /** Throws when there is nothing to connect to. */
  readonly open: () => Socket;
  /** Whom to serve, by remote address; absent on loopback. */
  readonly accepts?: (remote: string) => boolean;
}

const MOST_CONNECTIONS = 1024;

/** Passes connections on, byte by byte; the other end is never chosen by the one who connects. */
export async function openRelay({ listen, open, accepts = () => true }: RelayParts): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    if (!accepts(near.remoteAddress ?? "")) return void near.destroy();
    near.on("error", () => {});
    const far = openOrNothing(open);
    if (far === undefined) return void near.destroy();
    sockets.add(near);
    near.once("close", () => sockets.delete(near));
    join(near, far);
  });
  server.maxConnections = MOST_CONNECTIONS;
  const { address, port } = await listening(server, listen);
  return { host: address, port, close: () => closed(server, sockets) };
}

/** Half-closes travel; an error or an end on one side ends the other. */
function join(near: Socket, far: Socket): void {
  far.on("error", () => near.destroy());
  near.once("close", () => far.destroy());
  far.once("close", () => near.destroy());
  near.pipe(far);
  far.pipe(near);
}

function openOrNothing(open: () => Socket): Socket | undefined {
  try {
    return open();
  } catch {
    // The work is not there now; whoever connects sees a closed connection.
    return undefined;
  }
}

const listening = (server: Server, { host, port }: Endpoint): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new ContainerError(
          `cannot listen on ${host}:${port} for containers: ${messageOf(error)}`,
          { code: "ERR_CONTAINER_NETWORK", mend: "free the port, or take another one", retryable: true },
          { cause: error },
        ),
      ),
    );
    server.listen({ host, port, exclusive: true }, () => resolve(server.address() as AddressInfo));
  });

const closed = (server: Server, sockets: ReadonlySet<Socket>): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });

const O_PATH = 0o10000000;

/**
 * Connects to the unix socket at `path`, in a folder that untrusted work can write to: what stands there is opened
 * without following a link and must be a socket, so that the work cannot point the connection elsewhere.
 */
export function connectWorkSocket(path: string): Socket {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(fd).isSocket()) throw new Error(`${path} is no socket`);
    const socket = connect({ path: `/proc/self/fd/${fd}`, allowHalfOpen: true });
    let isOpen = true;
    const close = () => {
      if (isOpen) closeSync(fd);
      isOpen = false;
    };
    socket.once("connect", close).once("close", close);
    return socket;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
