import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface PriceQuestion {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (question: PriceQuestion, response: ServerResponse) => void;

/** A source of prices on loopback that answers as the test says and remembers what it was asked. */
export class PriceServer implements AsyncDisposable {
  readonly questions: PriceQuestion[] = [];
  answer: Answer = (_question, response) => void response.writeHead(404).end();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<PriceServer> {
    const server = createServer();
    const prices = new PriceServer(server);
    server.on("request", (request, response) => void prices.#take(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return prices;
  }

  /** Answers every question with this text. */
  says(text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.answer = (_question, response) => void response.writeHead(200, headers).end(text);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = "/"): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method, url: path, headers } = request;
    const question = { method, path, headers, body };
    this.questions.push(question);
    this.answer(question, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
