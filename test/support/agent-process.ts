import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readAgentFile } from "../../src/api/agent-file.ts";
import { checkAnswer } from "../../src/api/answer-check.ts";
import { createClient, type RigClient } from "../../src/api/client.ts";
import { readToken } from "../../src/api/token-file.ts";
import { repositoryRoot } from "../../src/config/default.ts";
import type { TemporaryDirectory } from "./temporary-directory.ts";

const MAIN = join(repositoryRoot, "src/cli/main.ts");
/** What scripts/rigshift sets: every start would compile everything anew. */
/** The machine's own is none of a test's business. */
const NO_ENGINE = "unix:///var/empty/no-engine.sock";
const NODE_COMPILE_CACHE = join(repositoryRoot, ".build/compile-cache");
const MODEL = join(repositoryRoot, "docker/engine/model/rigshift-tryout.gguf");

/** A rig.yaml for a whole agent on one machine: embedded pool, shipped model, any free port. */
export const rigYaml = (changes: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    version: "1",
    mode: "auto",
    http: '{ listen: "127.0.0.1:0" }',
    gpus: "{ source: cpu }",
    mining: "{ coin: devcoin, pools: [{ url: devpool, user: test }] }",
    inference: `{ engine: { kind: builtin, modelFile: ${MODEL}, gpu: "off" }, usdPerMillionTokensIn: 1, usdPerMillionTokensOut: 2, wakeValueUsd: 1 }`,
    policy:
      '{ minDwellS: 1, wearUsdPerSwitch: 0.000001, maxSwitchesPerDay: 1000, maxGapSwitchesPerHour: 1000, lending: "on" }',
    ...changes,
  })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("");

/** The real command line in a process of its own, over a data directory of the test's. */
export class AgentProcess implements AsyncDisposable {
  readonly dataDir: string;
  readonly child: ChildProcess;
  output = "";

  constructor(directory: TemporaryDirectory, yaml: string = rigYaml()) {
    this.dataDir = join(directory.path, "data");
    const config = directory.write("rig.yaml", yaml);
    this.child = spawn(process.execPath, [MAIN, "start", "--config", config], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE, DOCKER_HOST: NO_ENGINE, RIGSHIFT_HOME: this.dataDir },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
  }

  /** A client once the status page answers. */
  async listening(): Promise<RigClient & { readonly url: string }> {
    const url = await eventually(() => {
      if (this.child.exitCode !== null) throw new Error(`the agent ended: ${this.output}`);
      const agent = readAgentFile(this.dataDir);
      return agent?.pid === this.child.pid ? agent?.url : undefined;
    });
    const token = await readToken(this.dataDir);
    return { ...createClient({ baseUrl: url, token: () => token, check: checkAnswer }), url };
  }

  async exit(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return this.child.exitCode;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 20_000);
    await this.exit();
    clearTimeout(timer);
  }
}

/** Runs one command to its end. */
export async function runRigshift(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE, ...env },
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  await once(child, "close");
  return { code: child.exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Looks every 50 ms until `look` gives something, at most `limit` milliseconds. */
export async function eventually<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limit = 90_000,
): Promise<T> {
  const deadline = Date.now() + limit;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error("it never came about");
    await pause(50);
  }
}

/** Command lines of running processes that hold `word`. */
export function runningWith(word: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        // It ended between the listing and the look.
        return [];
      }
    })
    .filter((line) => line.includes(word));
}
