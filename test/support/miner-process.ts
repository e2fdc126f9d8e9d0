import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { fetchMinerStats, type MinerStats } from "../../src/mining/reference/miner-api.ts";

const PROGRAM = fileURLToPath(new URL("../../src/mining/reference/miner-main.ts", import.meta.url));

/** The reference miner as the agent runs it: a process of its own. */
export class MinerProcess implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<number | null>;
  stdout = "";
  stderr = "";
  #base = "";

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [PROGRAM, ...args], { stdio: "pipe" });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.child.stdin.on("error", () => {
      // The child may be gone already; its exit is what counts.
    });
    this.exited = once(this.child, "exit").then(([code]) => code as number | null);
  }

  /** Started against `pool` with one thread and its API ready. */
  static async start(pool: string, ...more: string[]): Promise<MinerProcess> {
    const args = ["--pool", pool, "--user", "rig.0", "--password", "x", "--threads", "1", "--api-port", "0"];
    const miner = new MinerProcess([...args, "--nice", "10", "--exit-with-stdin", ...more]);
    while (!miner.stdout.includes("\n")) await once(miner.child.stdout, "data");
    const announced = JSON.parse(miner.stdout) as { host: string; port: number };
    miner.#base = `http://${announced.host}:${announced.port}`;
    return miner;
  }

  get base(): string {
    return this.#base;
  }

  stats(): Promise<MinerStats> {
    return fetchMinerStats(this.base, new AbortController().signal);
  }

  /** CPU seconds the process has used so far, all threads together. */
  async cpuSeconds(): Promise<number> {
    const { readFile } = await import("node:fs/promises");
    const fields = (await readFile(`/proc/${this.child.pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    if (this.child.exitCode === null && this.child.signalCode === null) await this.exited;
  }
}
