import { createServer, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** How a program inside the container ends, as the Engine tells it. */
export interface ToldEnd {
  readonly ExitCode: number | null;
  readonly Running?: boolean;
  readonly output?: string;
}

/** A Docker Engine that only runs programs inside a container, which end as the test says; it listens on a socket. */
export class ExecEngine implements AsyncDisposable {
  /** Called for every program that is asked for. */
  end: (command: readonly string[]) => ToldEnd = () => ({ ExitCode: 0 });
  /** The programs that were asked for. */
  readonly asked: string[] = [];
  readonly #directory = new TemporaryDirectory();
  readonly #server: Server;
  #told: ToldEnd = { ExitCode: 0 };

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => this.#answer(request.url ?? "", Buffer.concat(parts).toString(), response));
    });
  }

  static async start(): Promise<ExecEngine> {
    const engine = new ExecEngine();
    await new Promise<void>((resolve) => engine.#server.listen(engine.socketPath, resolve));
    return engine;
  }

  get socketPath(): string {
    return join(this.#directory.path, "docker.sock");
  }

  #answer(url: string, body: string, response: ServerResponse): void {
    if (url.endsWith("/version"))
      return void response.end(JSON.stringify({ Version: "24.0.0", ApiVersion: "1.43", MinAPIVersion: "1.12" }));
    if (url.endsWith("/exec")) {
      const { Cmd } = JSON.parse(body) as { readonly Cmd: readonly string[] };
      this.asked.push(Cmd[0] ?? "");
      this.#told = this.end(Cmd);
      return void response.writeHead(201).end(JSON.stringify({ Id: "e1" }));
    }
    if (url.endsWith("/start")) return void response.end(frame(this.#told.output ?? ""));
    const { ExitCode, Running = false } = this.#told;
    response.end(JSON.stringify({ ExitCode, Running }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#directory[Symbol.dispose]();
  }
}

/** One piece of standard output in the Engine's multiplexed stream. */
function frame(text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = 1;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}
