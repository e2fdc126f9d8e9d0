import { systemClock } from "../lib/clock.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { startDevpool } from "../mining/reference/devpool.ts";
import { NodeWork } from "../mining/reference/node-work.ts";
import { seconds } from "../units/time.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./errors.ts";

export interface DevpoolOptions {
  readonly port: string;
  readonly node?: string;
  readonly nodeCookie?: string;
  readonly algorithm: string;
  readonly payout?: string;
}

const REPORT_EVERY = seconds(10);

/** Runs the built-in pool in the foreground, on loopback: with its own sha256d chain, or as a pool of `--node`. */
export async function devpool(options: DevpoolOptions, context: CliContext): Promise<void> {
  const { print, printError, signal } = context;
  const logger = createLogger("info", printError);
  const port = parsePort(options.port);
  const source = await openNode(options, logger, signal);
  const parts = { host: "127.0.0.1", port, clock: systemClock, logger };
  const pool = await startDevpool(source === undefined ? parts : { ...parts, source });
  const coin = source === undefined ? "the coin is worth nothing" : `${options.algorithm}, the node's own coin`;
  try {
    print(`devpool listens on stratum+tcp://${pool.host}:${pool.port} (any user, any password; ${coin})\n`);
    while (!signal.aborted) {
      await systemClock.wait(REPORT_EVERY, signal);
      if (!signal.aborted) print(`${JSON.stringify(pool.stats())}\n`);
    }
  } finally {
    await pool.close();
  }
}

async function openNode(options: DevpoolOptions, logger: Logger, signal: AbortSignal): Promise<NodeWork | undefined> {
  const { node, nodeCookie, payout } = options;
  const algorithm = parseAlgorithm(options.algorithm);
  if (node === undefined) {
    for (const [option, given] of [
      ["--node-cookie", nodeCookie],
      ["--payout", payout],
    ] as const)
      if (given !== undefined) throw usage(`${option} without --node`, "give the node's address with --node");
    if (algorithm !== "sha256d") throw usage("--algorithm scrypt without --node", "give --node, or leave it out");
    return undefined;
  }
  if (nodeCookie === undefined) throw usage("--node without --node-cookie", "give the node's .cookie file");
  const parts = { url: parseNode(node), cookieFile: nodeCookie, algorithm, clock: systemClock, logger };
  return await NodeWork.open(payout === undefined ? parts : { ...parts, payout }, signal);
}

function parseNode(text: string): URL {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url && isHttp && url.username === "" && url.password === "") return url;
  throw usage(
    `--node: got ${JSON.stringify(text)}`,
    'give an address such as "http://127.0.0.1:9332", without a password',
  );
}

function parseAlgorithm(text: string): "sha256d" | "scrypt" {
  if (text === "sha256d" || text === "scrypt") return text;
  throw usage(`--algorithm: got ${JSON.stringify(text)}`, "give sha256d or scrypt");
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw usage(`--port: got ${JSON.stringify(text)}`, "give a port from 0 (any free one) to 65535");
}

const usage = (what: string, mend: string): UsageError => new UsageError(what, { code: "ERR_USAGE", mend });
