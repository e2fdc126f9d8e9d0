import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, StartError } from "./errors.ts";

export interface EngineOptions {
  model: string;
  sha256: string | undefined;
  name: string;
  host: string;
  port: number;
  /** Listened on instead of host and port. */
  socket: string | undefined;
  threads: number;
  gpu: "auto" | "off";
  context: number | undefined;
  exitWithStdin: boolean;
}

const USAGE =
  "use --model FILE [--sha256 HEX] [--name NAME] [--host 127.0.0.1] [--port 0] [--socket FILE] [--threads N] [--gpu auto|off] [--context N] [--exit-with-stdin]";

export function parseOptions(args: readonly string[], cores: number = availableParallelism()): EngineOptions {
  const given = readFlags(args);
  if (!given.model) throw usageError("--model is missing");
  const sha256 = given.sha256?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) throw usageError("--sha256 is not 64 hexadecimal digits");
  if (given.socket === "") throw usageError("--socket is empty");
  if (given.gpu !== "auto" && given.gpu !== "off") throw usageError(`--gpu is "${given.gpu}"`);
  const threads = wholeNumber("--threads", given.threads, 1, 1024);
  return {
    model: given.model,
    sha256,
    name: given.name || basename(given.model).replace(/\.gguf$/i, ""),
    host: given.host,
    port: wholeNumber("--port", given.port, 0, 65_535) ?? 0,
    socket: given.socket,
    threads: threadsFor(threads, cores),
    gpu: given.gpu,
    context: wholeNumber("--context", given.context, 8, 1 << 24),
    exitWithStdin: given["exit-with-stdin"],
  };
}

/** ggml's threads spin while they wait for each other: without a core to spare they collapse on a busy machine. */
function threadsFor(wanted: number | undefined, cores: number): number {
  const most = Math.max(1, cores - 1);
  return Math.min(wanted ?? Math.max(1, Math.floor(cores / 2)), most);
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      options: {
        model: { type: "string" },
        sha256: { type: "string" },
        name: { type: "string" },
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string" },
        socket: { type: "string" },
        threads: { type: "string" },
        gpu: { type: "string", default: "auto" },
        context: { type: "string" },
        "exit-with-stdin": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw usageError(messageOf(error));
  }
}

function wholeNumber(flag: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw usageError(`${flag} is "${text}", wanted a whole number from ${least} to ${most}`);
  }
  return value;
}

function usageError(what: string): StartError {
  return new StartError("ERR_ENGINE_USAGE", what, USAGE);
}
