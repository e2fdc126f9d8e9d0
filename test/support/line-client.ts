import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface ParsedLine {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: readonly unknown[];
  readonly result?: unknown;
  readonly error?: readonly unknown[] | null;
}

/** A TCP client that speaks lines and remembers every one it got; a miner without a mind of its own. */
export class LineClient {
  readonly lines: string[] = [];
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #rest = "";
  #waiting: { readonly match: (line: ParsedLine) => boolean; readonly resolve: (line: ParsedLine) => void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#read(chunk));
    socket.on("error", () => {
      // A reset is one way of being disconnected; `closed` tells of both.
    });
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  static async open(port: number): Promise<LineClient> {
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    return new LineClient(socket);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  send(...lines: (string | object)[]): void {
    const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
    this.#socket.write(`${text.join("\n")}\n`);
  }

  /** Writes without adding a newline. */
  sendBytes(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The first line that matches, got already or still to come. */
  line(match: (line: ParsedLine) => boolean): Promise<ParsedLine> {
    const got = this.lines.map(parse).find(match);
    return got ? Promise.resolve(got) : this.next(match);
  }

  /** The first matching line from now on. */
  next(match: (line: ParsedLine) => boolean): Promise<ParsedLine> {
    return new Promise((resolve) => this.#waiting.push({ match, resolve }));
  }

  answer(id: unknown): Promise<ParsedLine> {
    return this.line((line) => line.id === id && line.method === undefined);
  }

  method(name: string): Promise<ParsedLine> {
    return this.line((line) => line.method === name);
  }

  /** Subscribes and authorizes as `worker` and waits for the first job; ids 1 to 3. */
  async login(worker: string, options: { readonly extranonce: boolean } = { extranonce: true }): Promise<ParsedLine> {
    this.send({ id: 1, method: "mining.subscribe", params: ["line-client"] });
    if (options.extranonce) this.send({ id: 3, method: "mining.extranonce.subscribe", params: [] });
    this.send({ id: 2, method: "mining.authorize", params: [worker, "x"] });
    return await this.method("mining.notify");
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    const parts = (this.#rest + chunk).split("\n");
    this.#rest = parts.pop() ?? "";
    for (const line of parts) {
      this.lines.push(line);
      const parsed = parse(line);
      const waiting = this.#waiting.filter(({ match }) => match(parsed));
      this.#waiting = this.#waiting.filter((one) => !waiting.includes(one));
      for (const { resolve } of waiting) resolve(parsed);
    }
  }
}

function parse(line: string): ParsedLine {
  try {
    return JSON.parse(line) as ParsedLine;
  } catch {
    // A test may send garbage on purpose; it matches nothing.
    return {};
  }
}
