import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import type { AlgorithmName, DialectName } from "../../src/config/mining-terms.ts";
import type { ShareRow } from "../../src/ledger/rows.ts";
import { ProxyBench } from "./proxy-bench.ts";

/** One line of a session as it stood between a miner and its pool, with nothing between them. */
export interface SessionLine {
  readonly dir: "c2s" | "s2c";
  readonly line: string;
  /** What the miner says instead, where it is told of the proxy only; else the line with `rig.0` for the user. */
  readonly said?: string;
}

export interface SessionTerms {
  readonly algorithm: AlgorithmName;
  readonly dialect: DialectName;
  /** As whom the recorded miner logged in. */
  readonly user: string;
  readonly password: string;
}

/**
 * Plays a session over real sockets with the proxy in between, line after line: each must reach the other side before
 * the next is said. The miner must get the pool's bytes, the pool the miner's message in its own user's name.
 */
export async function replaySession(
  session: readonly SessionLine[],
  { algorithm, dialect, user, password }: SessionTerms,
): Promise<readonly ShareRow[]> {
  await using pool = await LockstepPool.start();
  await using bench = await ProxyBench.start([], { pools: [{ url: pool.url, user, password, algorithm, dialect }] });
  const miner = await bench.client();
  let submitted = 0;
  for (const { dir, line, said = line.replaceAll(user, "rig.0") } of session) {
    if (dir === "c2s") {
      if (/"method": ?"(mining\.submit|eth_submitWork|submit)"/.test(line)) submitted++;
      miner.send(said);
      expect(JSON.parse(await pool.next())).toEqual(JSON.parse(line));
    } else {
      const heard = miner.next(() => true);
      pool.say(line);
      await heard;
      expect(miner.lines.at(-1)).toBe(line);
    }
  }
  await bench.until(({ shares }) => shares.length === submitted);
  expect(bench.proxy.foreign()).toEqual([]);
  return bench.shares;
}

/** A pool that says what it is told to, and hands over what it hears. */
class LockstepPool implements AsyncDisposable {
  readonly #server: Server;
  readonly #heard: string[] = [];
  #socket: Socket | undefined;
  #waiting: (() => void) | undefined;

  private constructor() {
    this.#server = createServer((socket) => {
      this.#socket = socket;
      socket.on("error", () => {
        // The proxy hangs up at the end.
      });
      createInterface({ input: socket }).on("line", (line) => {
        this.#heard.push(line);
        this.#waiting?.();
      });
    });
  }

  static async start(): Promise<LockstepPool> {
    const pool = new LockstepPool();
    await new Promise<void>((resolve) => pool.#server.listen(0, "127.0.0.1", () => resolve()));
    return pool;
  }

  get url(): string {
    const address = this.#server.address();
    return `stratum+tcp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }

  say(line: string): void {
    this.#socket?.write(`${line}\n`);
  }

  async next(): Promise<string> {
    for (;;) {
      const line = this.#heard.shift();
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
