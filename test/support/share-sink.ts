import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** Where stand-in miners write a line with their worker's name for every share. */
export class ShareSink implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  readonly #onShare: (worker: string) => void;

  private constructor(onShare: (worker: string) => void) {
    this.#onShare = onShare;
  }

  static async start(onShare: (worker: string) => void): Promise<ShareSink> {
    const sink = new ShareSink(onShare);
    sink.#server.listen(0, "127.0.0.1");
    await once(sink.#server, "listening");
    return sink;
  }

  readonly host = "127.0.0.1";

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket
      .once("close", () => this.#sockets.delete(socket))
      .on("error", () => {
        // The miner was killed.
      });
    createInterface({ input: socket })
      .on("line", this.#onShare)
      .on("error", () => {
        // Told by the socket already.
      });
  }
}
