import { createServer, type Server, type Socket } from "node:net";
import type { ParsedLine } from "./line-client.ts";

/** How the pool treats one kind of request: a result, a refusal, or silence. */
export type Reply =
  | { readonly result: unknown }
  | { readonly error: readonly [number, string, null] }
  | "silence"
  | "hang up";

export interface PoolScript {
  readonly subscribe?: Reply;
  /** The same for all, or by the user who logs in. */
  readonly authorize?: Reply | ((user: string) => Reply);
  readonly extranonceSubscribe?: Reply;
  readonly submit?: Reply;
  /** Extranonce1 of each connection in turn; the last one is used again. */
  readonly extranonces?: readonly string[];
  /** Whether work follows the login. */
  readonly work?: boolean;
  /** 0 takes any free port. */
  readonly port?: number;
  readonly host?: string;
}

const HASH = "cd".repeat(32);

/** A Stratum pool that does what the test says, on a real socket, and remembers every line it got. */
export class ScriptedPool {
  readonly lines: ParsedLine[] = [];
  readonly connections = new Set<Socket>();
  script: PoolScript;
  port = 0;
  accepted = 0;
  readonly #host: string;
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  private constructor(script: PoolScript) {
    this.script = script;
    this.#host = script.host ?? "127.0.0.1";
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(script: PoolScript = {}): Promise<ScriptedPool> {
    const pool = new ScriptedPool(script);
    await pool.listen(script.port ?? 0);
    return pool;
  }

  get url(): string {
    return `stratum+tcp://${this.#host}:${this.port}`;
  }

  /** Listens again, after `kill`, on the same port. */
  listen(port = this.port): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(port, this.#host, () => {
        const address = this.#server.address();
        this.port = typeof address === "object" && address ? address.port : 0;
        resolve();
      });
    });
  }

  sent(method: string): ParsedLine[] {
    return this.lines.filter((line) => line.method === method);
  }

  /** Resolves once `check` holds; looked at after every line and every connection. */
  async until(check: (pool: ScriptedPool) => boolean): Promise<void> {
    while (!check(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Sends a line to everyone; returns whether all of them keep up. */
  say(line: string | object): boolean {
    const text = typeof line === "string" ? line : JSON.stringify(line);
    return [...this.connections].map((socket) => socket.write(`${text}\n`)).every(Boolean);
  }

  notify(id: string, cleanJobs = true): boolean {
    return this.say(notifyOf(id, cleanJobs));
  }

  /** Cuts all connections and refuses new ones. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.connections) socket.resetAndDestroy();
    await closed;
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.kill();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #accept(socket: Socket): void {
    const { extranonces = ["08000002"] } = this.script;
    const extranonce1 = extranonces[Math.min(this.accepted, extranonces.length - 1)] ?? "";
    this.accepted++;
    this.connections.add(socket);
    let rest = "";
    socket.setNoDelay(true);
    socket.setEncoding("utf8");
    socket.on("error", () => {
      // Resets are what these tests are about.
    });
    socket.on("close", () => {
      this.connections.delete(socket);
      this.#wake();
    });
    socket.on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) this.#hear(socket, JSON.parse(line) as ParsedLine, extranonce1);
      this.#wake();
    });
    this.#wake();
  }

  #hear(socket: Socket, line: ParsedLine, extranonce1: string): void {
    this.lines.push(line);
    const { script } = this;
    const subscribed = { result: [[["mining.notify", "s1"]], extranonce1, 4] };
    switch (line.method) {
      case "mining.subscribe":
        this.#reply(socket, line, script.subscribe ?? subscribed);
        break;
      case "mining.extranonce.subscribe":
        this.#reply(socket, line, script.extranonceSubscribe ?? { result: true });
        break;
      case "mining.authorize":
        this.#reply(socket, line, replyTo(script.authorize, String(line.params?.[0])));
        if (script.work ?? true) {
          socket.write(`${JSON.stringify({ id: null, method: "mining.set_difficulty", params: [512] })}\n`);
          socket.write(`${JSON.stringify(notifyOf("j1", true))}\n`);
        }
        break;
      case "mining.submit":
        this.#reply(socket, line, script.submit ?? { result: true });
        break;
      case undefined:
        // An answer of the miner's to a question of the pool's; there is nothing to say to it.
        break;
    }
  }

  #reply(socket: Socket, { id }: ParsedLine, reply: Reply): void {
    if (reply === "silence") return;
    if (reply === "hang up") socket.destroy();
    else socket.write(`${JSON.stringify({ id, result: null, error: null, ...reply })}\n`);
  }
}

const replyTo = (authorize: PoolScript["authorize"] = { result: true }, user: string): Reply =>
  typeof authorize === "function" ? authorize(user) : authorize;

const notifyOf = (id: string, cleanJobs: boolean) => ({
  id: null,
  method: "mining.notify",
  params: [id, HASH, "01", "02", [HASH], "20000000", "1d00ffff", "68e5a000", cleanJobs],
});
