import { type EngineOptions, parseOptions } from "./args.ts";
import { messageOf, StartError } from "./errors.ts";
import { log } from "./log.ts";
import { checkModelFile } from "./model-file.ts";
import type { Serving } from "./serve.ts";

const EXIT_CANNOT_START = 2;
const LONGEST_STOP_MS = 2000;

let serving: Serving | undefined;
let stopping = false;

process.on("SIGTERM", stop);
process.on("SIGINT", stop);

try {
  await start(parseOptions(process.argv.slice(2)));
} catch (error) {
  const line = error instanceof StartError ? error.line : `rigshift-engine: ${messageOf(error)}`;
  process.stderr.write(`${line}\n`, () => process.exit(EXIT_CANNOT_START));
}

async function start(options: EngineOptions): Promise<void> {
  if (options.exitWithStdin) process.stdin.on("end", stop).on("error", stop).resume();
  await checkModelFile(options.model, options.sha256);
  const { serve } = await importServe();
  serving = await serve(options);
  process.stdout.write(`${JSON.stringify(serving.listening)}\n`);
}

/** Loaded late, so that a missing install is a sentence and not a stack. */
async function importServe(): Promise<typeof import("./serve.ts")> {
  try {
    return await import("./serve.ts");
  } catch (error) {
    throw new StartError("ERR_ENGINE_NOT_INSTALLED", messageOf(error), "run docker/engine/install", error);
  }
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  // Native code that will not come back must not keep the process.
  setTimeout(() => process.exit(0), LONGEST_STOP_MS).unref();
  void (serving?.stop() ?? Promise.resolve()).then(() => {
    log("stopped");
    process.exit(0);
  });
}
