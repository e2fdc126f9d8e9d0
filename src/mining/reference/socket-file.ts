import { chmodSync, lstatSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { messageOf } from "../../lib/errors.ts";
import { MiningError } from "../errors.ts";

export interface SocketAddress {
  /** Path of a socket file; whoever may enter its folder may connect. */
  readonly socket: string;
}

/** Starts listening on a socket file, over one that an earlier run left; throws `ERR_STRATUM_LISTEN`. */
export async function listenOnSocket(server: Server, { socket }: SocketAddress): Promise<SocketAddress> {
  try {
    removeLeftOver(socket);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socket, () => {
        server.off("error", reject);
        resolve();
      });
    });
    // The agent is another user than the one inside the container, and the folder already says who may come in.
    chmodSync(socket, 0o666);
    return { socket };
  } catch (cause) {
    throw new MiningError(
      `cannot listen on ${socket}: ${messageOf(cause)}`,
      { code: "ERR_STRATUM_LISTEN", mend: "name a file in a folder that the miner may write to", retryable: false },
      { cause },
    );
  }
}

/** Only a socket is ever removed; anything else stays and makes listening fail. */
function removeLeftOver(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
}
