import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface EngineRequest {
  readonly route: string;
  readonly body: unknown;
}

export type EngineScript = (request: EngineRequest, response: ServerResponse) => void | Promise<void>;

const SLEEP_ROUTE = /^\/(sleep|wake_up|is_sleeping)/;

/** An engine on loopback that does what the test scripted, and records what it was asked. */
export class ScriptedEngine implements AsyncDisposable {
  readonly requests: EngineRequest[] = [];
  /** Answers whose connection ended before they were complete. */
  abandoned = 0;
  /** Whether it has a sleep mode, and how it is with it now. */
  canSleep = false;
  isAsleep = false;
  /** Sleep calls that are answered with 500. */
  readonly refuses = new Set<string>();
  /** `POST /sleep?level=1`, … in order. */
  readonly sleepCalls: string[] = [];
  script: EngineScript = answerJson(200, { usage: { prompt_tokens: 3, completion_tokens: 5 } });
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedEngine> {
    const server = createServer();
    const engine = new ScriptedEngine(server);
    server.on("request", (request, response) => void engine.#answer(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return engine;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get base(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answerSleep({ url = "", method }: IncomingMessage, response: ServerResponse): void {
    this.sleepCalls.push(`${method} ${url}`);
    const refused = [...this.refuses].some((route) => url.startsWith(route));
    if (this.canSleep && !refused && method === "POST") this.isAsleep = url.startsWith("/sleep");
    const status = !this.canSleep ? 404 : refused ? 500 : 200;
    const body = url === "/is_sleeping" && status === 200 ? { is_sleeping: this.isAsleep } : {};
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.once("close", () => {
      if (!response.writableFinished) this.abandoned++;
    });
    if (SLEEP_ROUTE.test(incoming.url ?? "")) return this.#answerSleep(incoming, response);
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const request = { route: incoming.url ?? "", body: JSON.parse(Buffer.concat(parts).toString("utf8")) };
    this.requests.push(request);
    await this.script(request, response);
  }
}

export const answerJson =
  (status: number, body: unknown): EngineScript =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };

/** Streams `events`; the text of each is written as it is. */
export const answerEvents =
  (...events: readonly string[]): EngineScript =>
  (_request, response) => {
    beginEvents(response);
    for (const event of events) response.write(event);
    response.end();
  };

/** Streams `events` and then nothing more, without an end. */
export const answerAndHang =
  (...events: readonly string[]): EngineScript =>
  (_request, response) => {
    beginEvents(response);
    for (const event of events) response.write(event);
  };

/** Streams `events` and then loses the connection. */
export const answerAndBreak =
  (...events: readonly string[]): EngineScript =>
  (_request, response) => {
    beginEvents(response);
    for (const event of events) response.write(event);
    setImmediate(() => response.destroy());
  };

/** Takes the request and never answers. */
export const neverAnswer: EngineScript = () => {};

function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
}

/** One server-sent event with `data`. */
const event = (data: unknown): string => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

/** One event with a piece of text, as every OpenAI-compatible engine sends it. */
export const textEvent = (content: string): string => event({ choices: [{ index: 0, delta: { content } }] });

/** The event that only counts. */
export const usageEvent = (tokensIn: number, tokensOut: number): string =>
  event({ choices: [], usage: { prompt_tokens: tokensIn, completion_tokens: tokensOut } });

export const DONE = event("[DONE]");
