import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { NodeRpc } from "../../src/mining/reference/node-rpc.ts";
import { millis } from "../../src/units/time.ts";
import { onPath, type Requirement } from "./requirement.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

export const LITECOIN: Requirement = {
  name: "litecoind",
  mend: "apt-get install litecoind",
  expectedInCi: false,
  present: () => onPath("litecoind"),
};

/** MWEB begins in the year 2100, so that plain blocks stay good past height 432. */
const WITHOUT_MWEB = "-vbparams=mweb:4102444800:4102444801";
const NEVER = new AbortController().signal;

/** A regtest chain of Litecoin with a wallet and one block; its second node is there because a lone one gives no template. */
export class LitecoinChain implements AsyncDisposable {
  readonly rpc: NodeRpc;
  readonly url: URL;
  readonly cookieFile: string;
  readonly #directory: TemporaryDirectory;
  readonly #nodes: readonly ChildProcess[];

  private constructor(directory: TemporaryDirectory, rpcPort: number, nodes: readonly ChildProcess[]) {
    this.#directory = directory;
    this.#nodes = nodes;
    this.url = new URL(`http://127.0.0.1:${rpcPort}`);
    this.cookieFile = join(directory.path, "first", "regtest", ".cookie");
    this.rpc = new NodeRpc(this.url, this.cookieFile);
  }

  static async start(): Promise<LitecoinChain> {
    const directory = new TemporaryDirectory("rigshift-litecoin");
    const [peerPort, rpcPort, otherRpcPort] = await Promise.all([freePort(), freePort(), freePort()]);
    const first = startNode(join(directory.path, "first"), [
      `-bind=127.0.0.1:${peerPort}`,
      `-rpcport=${rpcPort}`,
      "-fallbackfee=0.001",
    ]);
    const second = startNode(join(directory.path, "second"), [
      `-connect=127.0.0.1:${peerPort}`,
      "-listen=0",
      `-rpcport=${otherRpcPort}`,
      "-disablewallet",
    ]);
    const chain = new LitecoinChain(directory, rpcPort, [first, second]);
    await chain.#ready();
    return chain;
  }

  /** The blocks' hashes as explorers show them. */
  async generate(count: number): Promise<unknown> {
    return await this.rpc.result(
      "generatetoaddress",
      [count, await this.rpc.result("getnewaddress", [], NEVER)],
      NEVER,
    );
  }

  async height(): Promise<unknown> {
    return await this.rpc.result("getblockcount", [], NEVER);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#nodes.map(async (node) => {
        if (node.exitCode !== null || node.signalCode !== null) return;
        const gone = once(node, "exit");
        node.kill("SIGKILL");
        await gone;
      }),
    );
    this.#directory[Symbol.dispose]();
  }

  async #ready(): Promise<void> {
    for (;;) {
      const connected = await this.rpc.call("getconnectioncount", [], NEVER).catch(() => undefined);
      if (connected?.kind === "result" && connected.result === 1) break;
      await systemClock.wait(millis(50), NEVER);
    }
    await this.rpc.result("createwallet", ["miner"], NEVER);
    // Until its first block of today the node thinks that it is still catching up.
    await this.generate(1);
  }
}

function startNode(dataDir: string, options: readonly string[]): ChildProcess {
  mkdirSync(dataDir);
  const common = ["-regtest", `-datadir=${dataDir}`, WITHOUT_MWEB, "-server", "-printtoconsole=0"];
  return spawn("litecoind", [...common, ...options], { stdio: "ignore" });
}

/** A port that was free a moment ago: the node cannot choose one by itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
