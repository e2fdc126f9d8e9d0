import type { Server } from "node:http";
import { type EngineOptions, parseOptions } from "./args.ts";
import { Engine } from "./engine.ts";
import { messageOf, StartError } from "./errors.ts";
import { log } from "./log.ts";
import type { LoadedModel } from "./model.ts";
import { checkModelFile } from "./model-file.ts";
import { listen } from "./server.ts";

const EXIT_CANNOT_START = 2;
const LONGEST_STOP_MS = 2000;

let stop = (): void => process.exit(0);
process.on("SIGTERM", () => stop());
process.on("SIGINT", () => stop());

try {
  await start(parseOptions(process.argv.slice(2)));
} catch (error) {
  const line = error instanceof StartError ? error.line : `rigshift-engine: ${messageOf(error)}`;
  process.stderr.write(`${line}\n`, () => process.exit(EXIT_CANNOT_START));
}

async function start(options: EngineOptions): Promise<void> {
  if (options.exitWithStdin) process.stdin.on("end", () => stop()).resume();
  await checkModelFile(options.model, options.sha256);
  const engine = new Engine(await load(options));
  const { server, address } = await listen(engine, options);
  stop = () => void shutDown(engine, server);
  const { backend, name, contextTokens, threads } = engine.loaded;
  const ready = {
    event: "listening",
    host: options.host,
    port: address.port,
    backend,
    model: name,
    contextTokens,
    threads,
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

async function load(options: EngineOptions): Promise<LoadedModel> {
  const { loadModel } = await importModel();
  return await loadModel(options);
}

/** Loaded late, so that a missing install is a sentence and not a stack. */
async function importModel(): Promise<typeof import("./model.ts")> {
  try {
    return await import("./model.ts");
  } catch (error) {
    throw new StartError("ERR_ENGINE_NOT_INSTALLED", messageOf(error), "run docker/engine/install", error);
  }
}

async function shutDown(engine: Engine, server: Server): Promise<void> {
  // Native code that will not come back must not keep the process.
  setTimeout(() => process.exit(0), LONGEST_STOP_MS).unref();
  server.close();
  await engine.stop();
  server.closeAllConnections();
  log("stopped");
  process.exit(0);
}
