import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

interface DialectPoolOptions {
  /** Lines of a login, after which the welcome is sent. */
  readonly loginLines: number;
  readonly welcome: readonly string[];
  /** What the pool says to every line after the login. */
  readonly answer: (line: string) => string | undefined;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A pool of any dialect on a real socket: counts the lines of a login, says its welcome, then answers line by line. */
export class DialectPool {
  readonly lines: string[] = [];
  readonly sockets = new Set<Socket>();
  accepted = 0;
  readonly #options: DialectPoolOptions;
  readonly #server: Server;

  private constructor(options: DialectPoolOptions) {
    this.#options = options;
    const accept = (socket: Socket) => this.#accept(socket);
    this.#server = options.tls ? createTlsServer(options.tls, accept) : createServer(accept);
  }

  static async start(options: DialectPoolOptions): Promise<DialectPool> {
    const pool = new DialectPool(options);
    await new Promise<void>((resolve) => pool.#server.listen(0, "127.0.0.1", () => resolve()));
    return pool;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  get url(): string {
    return this.#options.tls ? `stratum+ssl://localhost:${this.port}` : `stratum+tcp://127.0.0.1:${this.port}`;
  }

  say(...lines: readonly string[]): void {
    for (const socket of this.sockets) for (const line of lines) socket.write(`${line}\n`);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.accepted++;
    this.sockets.add(socket);
    let rest = "";
    let heard = 0;
    socket.setEncoding("utf8");
    socket.on("error", () => {
      // Being hung up on is what some of these tests are about.
    });
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        this.lines.push(line);
        heard++;
        if (heard === this.#options.loginLines) for (const one of this.#options.welcome) socket.write(`${one}\n`);
        if (heard <= this.#options.loginLines) continue;
        const answer = this.#options.answer(line);
        if (answer !== undefined) socket.write(`${answer}\n`);
      }
    });
  }
}
