import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

export const ENGINE_FOLDER = join(import.meta.dirname, "../../../docker/engine");
export const MODEL_FILE = join(ENGINE_FOLDER, "model/rigshift-tryout.gguf");
export const MODEL_NAME = "rigshift-tryout";

const MAIN = join(ENGINE_FOLDER, "src/main.ts");
/** npm must run on the same Node as the tests, whatever the machine's own is. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

export interface ListeningLine {
  event: string;
  host: string;
  port: number;
  backend: string;
  model: string;
  contextTokens: number;
  threads: number;
}

export interface RunningEngine {
  url: string;
  listening: ListeningLine;
  child: ChildProcess;
  stop: () => Promise<number | null>;
}

export function installEngine(): void {
  execFileSync(join(ENGINE_FOLDER, "install"), { env, stdio: ["ignore", "ignore", "inherit"] });
}

function spawnEngine(args: readonly string[], main = MAIN): ChildProcess {
  return spawn(process.execPath, [main, "--gpu", "off", ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
}

export async function startEngine(args: readonly string[] = ["--model", MODEL_FILE]): Promise<RunningEngine> {
  const child = spawnEngine(args);
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("the engine has no output");
  stderr.resume();
  const [line] = (await Promise.race([
    once(createInterface(stdout), "line"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the engine ended with ${code}`))),
  ])) as [string];
  const listening = JSON.parse(line) as ListeningLine;
  const stop = async () => {
    if (child.exitCode !== null) return child.exitCode;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    return ((await exited) as [number | null])[0];
  };
  return { url: `http://${listening.host}:${listening.port}`, listening, child, stop };
}

export async function runUntilExit(
  args: readonly string[],
  main = MAIN,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawnEngine(args, main);
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("the engine has no output");
  const exited = once(child, "exit") as Promise<[number]>;
  const [said, complained, [code]] = await Promise.all([text(stdout), text(stderr), exited]);
  return { code, stdout: said, stderr: complained };
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

export interface Chunk {
  id: string;
  object: string;
  choices: Array<{ text?: string; delta?: { role?: string; content?: string }; finish_reason: string | null }>;
  usage?: Usage | null;
}

export interface Completion {
  choices: Array<{ text?: string; message?: { role: string; content: string }; finish_reason: string }>;
  usage: Usage;
}

export function post(engine: RunningEngine, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(`${engine.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

export async function complete(engine: RunningEngine, path: string, body: object): Promise<Completion> {
  const response = await post(engine, path, { model: MODEL_NAME, ...body });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Completion;
}

/** The data lines of a stream, the closing [DONE] checked and taken off. */
export async function streamed(engine: RunningEngine, path: string, body: object): Promise<Chunk[]> {
  const response = await post(engine, path, { model: MODEL_NAME, stream: true, ...body });
  const events = (await response.text()).split("\n\n").filter((event) => event !== "");
  if (events.pop() !== "data: [DONE]") throw new Error("the stream has no end");
  return events.map((event) => JSON.parse(event.replace(/^data: /, "")) as Chunk);
}

export const user = (content: unknown) => [{ role: "user", content }];

/** Rewarded for repeating itself, the model goes on to the end of its context: a request that is still running later. */
export const ENDLESS = { prompt: "the fox the fox the fox", temperature: 0, frequency_penalty: -2, max_tokens: 500 };
