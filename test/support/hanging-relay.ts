import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** A socket before a real Docker Engine: everything passes, but calls that are to hang, which nobody answers. */
export class HangingRelay implements AsyncDisposable {
  /** Calls as `METHOD /path` that hang. */
  hangs: RegExp | undefined;
  /** How many calls were left hanging. */
  held = 0;
  readonly #directory = new TemporaryDirectory();
  readonly #server: Server;

  private constructor(engineSocket: string) {
    this.#server = createServer((incoming, answer) => {
      const { method = "GET", url = "/", headers } = incoming;
      if (this.hangs?.test(`${method} ${url.replace(/^\/v[\d.]+/, "")}`)) {
        this.held++;
        return;
      }
      const onward = request({ socketPath: engineSocket, method, path: url, headers }, (from) => {
        answer.writeHead(from.statusCode ?? 502, from.headers);
        answer.flushHeaders();
        from.pipe(answer);
      });
      onward.on("error", () => answer.destroy());
      answer.on("close", () => onward.destroy());
      incoming.pipe(onward);
    });
  }

  static async start(engineSocket: string): Promise<HangingRelay> {
    const relay = new HangingRelay(engineSocket);
    await new Promise<void>((resolve) => relay.#server.listen(join(relay.#directory.path, "docker.sock"), resolve));
    return relay;
  }

  /** For `DOCKER_HOST`. */
  get host(): string {
    return `unix://${join(this.#directory.path, "docker.sock")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#directory[Symbol.dispose]();
  }
}
