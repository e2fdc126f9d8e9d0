import { createHash } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { PoolAddress } from "./pool-url.ts";

/**
 * Opens a connection; nothing may be sent before `ready` and before `certificateFault` found nothing. Without a pin the
 * certificate must be valid for the host and come from a known authority.
 */
export function connectTo(
  { host, port, secure }: PoolAddress,
  pin: string | undefined,
): { readonly socket: Socket; readonly ready: "connect" | "secureConnect" } {
  if (!secure) return { socket: connect({ host, port }), ready: "connect" };
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket = connectTls({ host, port, ...name, rejectUnauthorized: pin === undefined, minVersion: "TLSv1.2" });
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

/** Why the other side is not who we want, if it is not. */
export function certificateFault(socket: Socket, pin: string | undefined): string | undefined {
  if (pin === undefined) return undefined;
  const found = publicKeyPin(socket);
  return found === pin ? undefined : `the pool's public key is ${found ?? "missing"}, not the pinned one`;
}
