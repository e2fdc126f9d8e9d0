import { createHash } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { PoolAddress } from "./pool-url.ts";

/** Opens a connection to a pool: nothing may be sent before `ready` and before `certificateFault` found nothing. */
export function connectTo({ host, port, secure }: PoolAddress): {
  readonly socket: Socket;
  readonly ready: "connect" | "secureConnect";
} {
  if (!secure) return { socket: connect({ host, port }), ready: "connect" };
  const name = isIP(host) === 0 ? { servername: host } : {};
  // Judged in `certificateFault`, which can also say which key it was.
  const socket = connectTls({ host, port, ...name, rejectUnauthorized: false, minVersion: "TLSv1.2" });
  return { socket, ready: "secureConnect" };
}

/** The SHA-256 of the public key that the other side proved to hold, lower-case hex; undefined without TLS. */
export function publicKeyPin(socket: Socket): string | undefined {
  const key = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.publicKey : undefined;
  return (
    key &&
    createHash("sha256")
      .update(key.export({ type: "spki", format: "der" }))
      .digest("hex")
  );
}

/**
 * Why the other side is not who we want, if it is not. With a pin only its key counts; without one the certificate must
 * be valid for the host and come from a known authority.
 */
export function certificateFault(socket: Socket, pin: string | undefined): string | undefined {
  const found = publicKeyPin(socket);
  if (pin !== undefined)
    return found === pin ? undefined : `the pool's public key is ${found ?? "missing"}, not the pinned one`;
  if (!(socket instanceof TLSSocket) || socket.authorized) return undefined;
  return `the pool's certificate is not trusted: ${socket.authorizationError}; its public key is ${found}`;
}
