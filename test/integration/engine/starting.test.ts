import { once } from "node:events";
import { copyFile, cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ENDLESS,
  ENGINE_FOLDER,
  installEngine,
  MODEL_FILE,
  MODEL_NAME,
  post,
  runUntilExit,
  startEngine,
  user,
} from "./engine-process.ts";

let folder: string;

beforeAll(async () => {
  installEngine();
  folder = await mkdtemp(join(tmpdir(), "rigshift-engine-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function damaged(name: string, damage: (file: string) => Promise<void>): Promise<string> {
  const file = join(folder, name);
  await copyFile(MODEL_FILE, file);
  await damage(file);
  return file;
}

async function expectRefusal(args: readonly string[], code: string, main?: string): Promise<void> {
  const ended = await runUntilExit(args, main);
  expect(ended.code).toBe(2);
  expect(ended.stdout).toBe("");
  expect(ended.stderr).toMatch(new RegExp(`^rigshift-engine: [^\\n]+ \\(${code}\\): [^\\n]+\\n$`));
}

async function recordedDigest(): Promise<string> {
  const [digest = ""] = (await readFile(`${MODEL_FILE}.sha256`, "utf8")).split(" ");
  return digest;
}

test("starts with the recorded digest of the shipped model", async () => {
  const engine = await startEngine(["--model", MODEL_FILE, "--sha256", await recordedDigest()]);
  expect(await engine.stop()).toBe(0);
});

test("refuses another digest", () =>
  expectRefusal(["--model", MODEL_FILE, "--sha256", "0".repeat(64)], "ERR_MODEL_SHA256"));

test("refuses a missing file", () => expectRefusal(["--model", join(folder, "nowhere.gguf")], "ERR_MODEL_MISSING"));

test("refuses a folder", () => expectRefusal(["--model", folder], "ERR_MODEL_UNREADABLE"));

test.each([0, 6, 900, 40_000, 1_500_000])("refuses a model cut off after %i bytes", async (length) => {
  const file = await damaged(`cut-${length}.gguf`, (path) => truncate(path, length));
  await expectRefusal(["--model", file], "ERR_MODEL_CORRUPT");
});

test("refuses a model whose last byte is missing", async () => {
  const { length } = await readFile(MODEL_FILE);
  const file = await damaged("last.gguf", (path) => truncate(path, length - 1));
  await expectRefusal(["--model", file], "ERR_MODEL_CORRUPT");
});

test("refuses a header that llama.cpp would end the process over", async () => {
  const file = await damaged("layers.gguf", async (path) => {
    const bytes = await readFile(path);
    const key = Buffer.from("llama.block_count");
    bytes.writeUInt32LE(0xffff_ffff, bytes.indexOf(key) + key.length + 4);
    await writeFile(path, bytes);
  });
  await expectRefusal(["--model", file], "ERR_MODEL_CORRUPT");
});

test("refuses text that only calls itself a model", async () => {
  const file = join(folder, "text.gguf");
  await writeFile(file, "this is not a model");
  await expectRefusal(["--model", file], "ERR_MODEL_CORRUPT");
});

test.each([[[]], [["--model"]], [["--model", MODEL_FILE, "--port", "99999"]], [["--model", MODEL_FILE, "--turbo"]]])(
  "explains its usage for %j",
  (args) => expectRefusal(args, "ERR_ENGINE_USAGE"),
);

test("says how to mend a missing install", async () => {
  const main = join(folder, "bare/src/main.ts");
  await cp(join(ENGINE_FOLDER, "src"), join(folder, "bare/src"), { recursive: true });
  await expectRefusal(["--model", MODEL_FILE], "ERR_ENGINE_NOT_INSTALLED", main);
});

test("refuses a taken port", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as { port: number };
  await expectRefusal(["--model", MODEL_FILE, "--port", String(port)], "ERR_PORT_IN_USE");
  holder.close();
});

test("ends with its standard input when told to", async () => {
  const engine = await startEngine(["--model", MODEL_FILE, "--exit-with-stdin"]);
  const exited = once(engine.child, "exit");
  engine.child.stdin?.end();
  expect(await exited).toEqual([0, null]);
});

test("ends quickly on SIGTERM in the middle of a generation", async () => {
  const engine = await startEngine();
  const response = await post(engine, "/v1/completions", { model: MODEL_NAME, ...ENDLESS, stream: true });
  await response.body?.getReader().read();
  const asked = performance.now();
  expect(await engine.stop()).toBe(0);
  expect(performance.now() - asked).toBeLessThan(10_000);
});

test("keeps a smaller context, name and thread count when asked for", async () => {
  const engine = await startEngine(["--model", MODEL_FILE, "--context", "64", "--name", "tiny", "--threads", "1"]);
  expect(engine.listening).toMatchObject({ model: "tiny", contextTokens: 64, threads: 1 });
  const body = { model: "tiny", messages: user("the rig and the fox ".repeat(20)) };
  expect((await post(engine, "/v1/chat/completions", body)).status).toBe(400);
  expect(await engine.stop()).toBe(0);
});
