import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ask } from "../../support/socket-client.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { ENGINE_FOLDER, installEngine, MODEL_FILE, MODEL_NAME, runUntilExit } from "./engine-process.ts";

beforeAll(installEngine);

async function startOn(socket: string) {
  const args = [join(ENGINE_FOLDER, "src/main.ts"), "--gpu", "off", "--model", MODEL_FILE, "--socket", socket];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const end = async (signal: NodeJS.Signals) => {
    const exited = once(child, "exit");
    child.kill(signal);
    return ((await exited) as [number | null])[0];
  };
  return { listening: JSON.parse(line.toString()) as Record<string, unknown>, end };
}

test("the engine answers on a socket file, to loopback's names only, over one that a killed engine left", async () => {
  using directory = new TemporaryDirectory();
  const socket = join(directory.path, "engine.sock");
  const killed = await startOn(socket);
  await killed.end("SIGKILL");
  expect(existsSync(socket)).toBe(true);

  const engine = await startOn(socket);
  expect(engine.listening).toMatchObject({ event: "listening", socket, backend: "cpu", model: MODEL_NAME });
  expect(engine.listening).not.toHaveProperty("port");
  expect((await ask(socket, { path: "/healthz" })).status).toBe(200);
  expect((await ask(socket, { path: "/healthz", host: "evil.example" })).status).toBe(403);
  expect(statSync(socket).mode & 0o777).toBe(0o666);
  expect(await engine.end("SIGTERM")).toBe(0);
});

test("the engine removes no file that is not a socket, and says what to do", async () => {
  using directory = new TemporaryDirectory();
  const file = directory.write("wallet", "precious");
  const ended = await runUntilExit(["--model", MODEL_FILE, "--socket", file]);
  expect(ended).toMatchObject({ code: 2, stdout: "" });
  expect(ended.stderr).toMatch(/^rigshift-engine: [^\n]+wallet cannot be listened on[^\n]+ \(ERR_LISTEN\): [^\n]+\n$/);
  expect(statSync(file).size).toBe(8);
});

test("the engine refuses a socket without a name", async () => {
  const ended = await runUntilExit(["--model", MODEL_FILE, "--socket", ""]);
  expect(ended.stderr).toMatch(/--socket is empty \(ERR_ENGINE_USAGE\)/);
});
