import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { TemporaryDirectory } from "./temporary-directory.ts";

type Answer = { readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string } };

/** What it answers to one call; a string goes out as it is, garbage included. */
export type NodeScript = Record<string, (params: readonly unknown[]) => Answer | string | undefined>;

const GENESIS_BITS = "ffff7f20";

/** A regtest header of version 1 without a parent that meets the easiest target under double SHA-256. */
function regtestHeader(): Buffer {
  const header = Buffer.alloc(80);
  header.writeUInt32LE(1, 0);
  header.set(Buffer.from(GENESIS_BITS, "hex"), 72);
  const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
  while ((sha(sha(header))[31] ?? 0) >= 0x7f) header.writeUInt32LE(header.readUInt32LE(76) + 1, 76);
  return header;
}

/** A node of the Bitcoin family that says what the test wants, over real HTTP. */
export class ScriptedNode implements AsyncDisposable {
  readonly script: NodeScript;
  readonly blocks: string[] = [];
  readonly cookieFile: string;
  readonly #server: Server;
  readonly #directory = new TemporaryDirectory("rigshift-node");

  private constructor(script: NodeScript) {
    this.script = {
      getbestblockhash: () => ({ result: "00".repeat(32) }),
      getblockheader: () => ({ result: regtestHeader().toString("hex") }),
      getnewaddress: () => ({ result: "address" }),
      validateaddress: () => ({ result: { isvalid: true, scriptPubKey: "51" } }),
      submitblock: ([block]) => {
        this.blocks.push(String(block));
        return { result: null };
      },
      ...script,
    };
    this.cookieFile = this.#directory.write(".cookie", "user:secret");
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const { method, params } = JSON.parse(Buffer.concat(parts).toString()) as { method: string; params: unknown[] };
        const isKnown = request.headers.authorization === `Basic ${Buffer.from("user:secret").toString("base64")}`;
        const answer = this.script[method]?.(params);
        if (answer === undefined) response.socket?.destroy();
        else response.writeHead(isKnown ? 200 : 401).end(typeof answer === "string" ? answer : JSON.stringify(answer));
      });
    });
  }

  static async start(script: NodeScript): Promise<ScriptedNode> {
    const node = new ScriptedNode(script);
    node.#server.listen(0, "127.0.0.1");
    await once(node.#server, "listening");
    return node;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    this.#directory[Symbol.dispose]();
  }
}
