import { type AddressInfo, createServer, type Server } from "node:net";
import { systemCodeOf } from "../lib/errors.ts";
import { MiningError } from "./errors.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/;

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** Starts listening on a loopback address; throws `ERR_STRATUM_LISTEN` for any other, or when the port is taken. */
export async function listenOnLoopback(server: Server, address: ListenAddress): Promise<ListenAddress> {
  if (isLoopback(address.host)) return await listenOn(server, address);
  throw new MiningError(`${address.host} is not a loopback address`, {
    code: "ERR_STRATUM_LISTEN",
    mend: "listen on 127.0.0.1 or ::1",
    retryable: false,
  });
}

/** Starts listening wherever it is told to, which only a container's own network makes safe; else as above. */
export async function listenOn(server: Server, { host, port }: ListenAddress): Promise<ListenAddress> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: Error) => reject(listenFault({ host, port }, cause));
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
  return toListenAddress(server.address());
}

const listenFault = ({ host, port }: ListenAddress, cause: Error): MiningError =>
  new MiningError(
    `cannot listen on ${host}:${port}: ${systemCodeOf(cause) ?? cause.message}`,
    { code: "ERR_STRATUM_LISTEN", mend: "choose another port, or 0 for any free one", retryable: true },
    { cause },
  );

function toListenAddress(address: AddressInfo | string | null): ListenAddress {
  if (address === null || typeof address === "string")
    throw new MiningError("the server has no TCP address", { code: "ERR_STRATUM_LISTEN" });
  return { host: address.address, port: address.port };
}

/** A loopback port that nobody listens on now; for a program that must be told its port beforehand. */
export async function freeLoopbackPort(): Promise<number> {
  const server = createServer();
  const { port } = await listenOnLoopback(server, { host: "127.0.0.1", port: 0 });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
