import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { onPath, type Requirement } from "./requirement.ts";

const ROOT = join(import.meta.dirname, "../..");
const OUT = join(ROOT, ".build/miner-cuda");
const BUILD_MS = 300_000;

/** The compiler alone: no GPU is needed to build, and none to run on the processor. */
export const NVCC: Requirement = {
  name: "nvcc",
  mend: "install NVIDIA's CUDA toolkit (12 or later), make, g++ and flock, and put nvcc on PATH",
  expectedInCi: false,
  present: () => ["nvcc", "make", "g++", "flock"].every(onPath),
};

/** Builds the miner for every GPU generation, or does nothing when it is up to date; returns its path. One builds at a time. */
export async function buildCudaMiner(): Promise<string> {
  mkdirSync(OUT, { recursive: true });
  const make = ["make", "--silent", `--jobs=${availableParallelism()}`, "-C", join(ROOT, "docker/miner-cuda")];
  await promisify(execFile)("flock", [join(OUT, "lock"), ...make, `OUT=${OUT}`], { timeout: BUILD_MS });
  return join(OUT, "rigshift-miner-cuda");
}

/** The CUDA miner as a process of its own, on the processor unless a GPU is named. */
export class CudaMiner implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<number | null>;
  stdout = "";
  stderr = "";

  private constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args, { stdio: "pipe" });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.child.stdin.on("error", () => {
      // The child may be gone already; its exit is what counts.
    });
    this.exited = once(this.child, "close").then(([code]) => code as number | null);
  }

  static async run(...args: readonly string[]): Promise<CudaMiner> {
    return new CudaMiner(await buildCudaMiner(), args);
  }

  /** Started on the processor, with its API ready. */
  static async start(pool: string, ...more: readonly string[]): Promise<CudaMiner> {
    const miner = await CudaMiner.run("--device", "cpu", "--pool", pool, "--user", "rig.0", ...more);
    await miner.announced();
    return miner;
  }

  /** What it says of where it listens. */
  async announced(): Promise<Readonly<Record<string, unknown>>> {
    while (!this.stdout.includes("\n")) {
      const ended = await Promise.race([once(this.child.stdout, "data"), this.exited]);
      if (typeof ended === "number") throw new Error(`the miner ended with ${ended}: ${this.stderr}`);
    }
    return JSON.parse(this.stdout) as Readonly<Record<string, unknown>>;
  }

  get address(): { readonly host: string; readonly port: number } {
    return JSON.parse(this.stdout) as { host: string; port: number };
  }

  /** CPU seconds the process has used so far, all threads together. */
  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Resolves once standard error holds `text`. */
  async says(text: string): Promise<void> {
    while (!this.stderr.includes(text)) await once(this.child.stderr, "data");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}
