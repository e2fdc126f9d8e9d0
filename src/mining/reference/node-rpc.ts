import { readFile } from "node:fs/promises";
import { isAbort, messageOf, toPrintable } from "../../lib/errors.ts";
import { withDeadline } from "../../lib/wait.ts";
import { seconds } from "../../units/time.ts";
import { MiningError } from "../errors.ts";

/** A node verifies a whole block within this, or it hangs. */
const TIMEOUT = seconds(30);
/** A template with a full block in it has 8 MB of hex. */
const LARGEST_ANSWER = 32 << 20;

/** What a node answered: its result, or the refusal it has for such a call. */
export type NodeAnswer =
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "refusal"; readonly code: number; readonly message: string };

/** The JSON-RPC door of a Bitcoin-family node. */
export class NodeRpc {
  readonly #url: URL;
  readonly #cookieFile: string;

  /** `cookieFile` holds `user:password`, as the node itself writes it at every start. */
  constructor(url: URL, cookieFile: string) {
    this.#url = url;
    this.#cookieFile = cookieFile;
  }

  /** Throws `ERR_NODE_UNREACHABLE` or `ERR_NODE_ANSWER`; a refusal is a value. */
  async call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<NodeAnswer> {
    const cookie = await this.#readCookie();
    const body = JSON.stringify({ jsonrpc: "1.0", id: method, method, params });
    const headers = { authorization: `Basic ${Buffer.from(cookie).toString("base64")}` };
    const text = await this.#post({ method: "POST", headers, body, redirect: "error" }, signal);
    return this.#parse(text, method);
  }

  /** The result of a call that a healthy node does not refuse. */
  async result(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const answer = await this.call(method, params, signal);
    if (answer.kind === "result") return answer.result;
    throw this.#bad(`refused ${method}: ${toPrintable(answer.message.slice(0, 200))} (${answer.code})`);
  }

  /** The cookie changes with every start of the node, so it is read anew. */
  async #readCookie(): Promise<string> {
    try {
      return (await readFile(this.#cookieFile, "utf8")).trim();
    } catch (cause) {
      throw new MiningError(
        `the node's cookie cannot be read (${messageOf(cause)})`,
        { code: "ERR_NODE_UNREACHABLE", mend: "start the node, and give its .cookie with --node-cookie" },
        { cause },
      );
    }
  }

  async #post(request: RequestInit, signal: AbortSignal): Promise<string> {
    try {
      const response = await fetch(this.#url, { ...request, signal: withDeadline(signal, TIMEOUT) });
      if (response.status === 401 || response.status === 403) {
        await response.body?.cancel();
        throw this.#bad(`refused the cookie (HTTP ${response.status})`);
      }
      return await this.#readBounded(response);
    } catch (error) {
      if (error instanceof MiningError || (isAbort(error) && signal.aborted)) throw error;
      throw new MiningError(
        `the node at ${this.#url.host} does not answer (${messageOf(error)})`,
        { code: "ERR_NODE_UNREACHABLE", url: this.#url.host, mend: "start the node, or mend --node", retryable: true },
        { cause: error },
      );
    }
  }

  async #readBounded(response: Response): Promise<string> {
    const decoder = new TextDecoder();
    const parts: string[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > LARGEST_ANSWER) throw this.#bad(`answered more than ${LARGEST_ANSWER} bytes`);
      parts.push(decoder.decode(chunk, { stream: true }));
    }
    return parts.join("") + decoder.decode();
  }

  #parse(text: string, method: string): NodeAnswer {
    const answer = toObject(text);
    if (answer === undefined) throw this.#bad(`answered ${method} with no JSON object`);
    const { result, error } = answer;
    if (error === null || error === undefined) return { kind: "result", result };
    const { code, message } = error as { code?: unknown; message?: unknown };
    return { kind: "refusal", code: Number(code), message: String(message) };
  }

  #bad(what: string): MiningError {
    const facts = { code: "ERR_NODE_ANSWER", url: this.#url.host, mend: "check --node and --node-cookie" } as const;
    return new MiningError(`the node at ${this.#url.host} ${what}`, facts);
  }
}

function toObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
