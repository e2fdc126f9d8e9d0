import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

type MinerCall = "stats" | "pause" | "resume";

/** A miner's API on loopback: what it says, and what it refuses, is the test's to decide. */
export class ScriptedMiner implements AsyncDisposable {
  readonly calls: MinerCall[] = [];
  /** Calls that are answered with 500. */
  readonly refuses = new Set<MinerCall>();
  /** Calls that are never answered. */
  readonly ignores = new Set<string>();
  paused = false;
  /** Says that it pauses, and goes on hashing. */
  isStubborn = false;
  hashrate: number | null = 24_000_000;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedMiner> {
    const server = createServer();
    const miner = new ScriptedMiner(server);
    server.on("request", (request, response) => {
      const call = (request.url ?? "").slice(1);
      const [status, body] = miner.#answer(call);
      if (miner.ignores.has(call)) return;
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return miner;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(call: string): readonly [number, unknown] {
    if (call !== "stats" && call !== "pause" && call !== "resume") return [404, {}];
    this.calls.push(call);
    if (this.refuses.has(call)) return [500, {}];
    if (call === "stats") return [200, this.#stats()];
    this.paused = call === "pause" && !this.isStubborn;
    return [200, { paused: call === "pause" }];
  }

  #stats(): unknown {
    const hashrateHps = this.paused ? null : this.hashrate;
    return {
      algorithm: "sha256d",
      uptimeS: 12,
      paused: this.paused,
      hashrateHps,
      acceptedShares: 3,
      rejectedShares: 0,
      devices: [{ hashrateHps }],
      pool: { url: "stratum+tcp://127.0.0.1:3333", connected: true },
    };
  }
}
