import type { Readable } from "node:stream";
import { type AgentFile, readAgentFile } from "../api/agent-file.ts";
import { checkAnswer } from "../api/answer-check.ts";
import { createClient, type RigClient } from "../api/client.ts";
import { readToken } from "../api/token-file.ts";
import { resolveDataDir } from "../config/data-dir.ts";
import { isLoopback } from "../config/fields.ts";
import { loadConfig } from "../config/load.ts";
import { isRigError, systemCodeOf } from "../lib/errors.ts";
import { UsageError } from "./errors.ts";

/** The world a command runs in; tests bring their own. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Opens standard input, which only a command that asks questions does; absent means there are no answers. */
  readonly input?: () => Readable & { readonly isTTY?: boolean };
  /** Standard output. */
  readonly print: (text: string) => void;
  /** Whether somebody watches standard output; absent where nobody does. */
  readonly isTerminal?: boolean;
  /** How many characters a line of it has; absent where nobody watches, or nobody knows. */
  readonly columns?: number | undefined;
  /** Standard error. */
  readonly printError: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface LocationOptions {
  readonly config?: string;
  readonly dataDir?: string;
}

/** The data directory that the agent of this place uses. */
export function findDataDir({ config, dataDir }: LocationOptions, { env, cwd }: CliContext): string {
  const placed = dataDir === undefined ? (config === undefined ? {} : loadConfig(config)) : { dataDir };
  return resolveDataDir(placed, { env, uid: process.getuid?.(), cwd });
}

const START_OR_POINT =
  "start it with `rigshift start`, or point at it with --config, the file it was started with, or --data-dir";

const notRunning = (what: string, cause?: unknown): UsageError =>
  new UsageError(what, { code: "ERR_AGENT_NOT_RUNNING", mend: START_OR_POINT }, { cause });

/**
 * A client of the agent that runs over this data directory; throws `ERR_AGENT_NOT_RUNNING` when none does. What listens
 * where the agent once did gets neither the token nor an order.
 */
export async function findAgent(options: LocationOptions, context: CliContext): Promise<RigClient> {
  const dataDir = findDataDir(options, context);
  const agent = readAgentFile(dataDir);
  if (agent === undefined) throw notRunning(`no agent runs over ${dataDir}`);
  if (!isAlive(agent.pid)) throw notRunning(`the agent of ${dataDir}, process ${agent.pid}, has ended`);
  const token = await readToken(dataDir);
  const { protocol, hostname } = new URL(agent.url);
  // Off loopback even the first question needs the token: there the certificate has told who listens.
  const authorizeReads = protocol === "https:" && !isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"));
  const client = createClient({ baseUrl: agent.url, token: () => token, authorizeReads, check: checkAnswer });
  await recognize(client, agent, context.signal);
  return client;
}

async function recognize(client: RigClient, { url, id }: AgentFile, signal: AbortSignal): Promise<void> {
  let instance: string;
  try {
    ({ instance } = await client.health(signal));
  } catch (error) {
    if (!isRigError(error) || error.facts.code !== "ERR_API_ANSWER") throw error;
    throw notRunning(`what answers on ${url} is not the agent`, error);
  }
  if (instance !== id) throw notRunning(`what answers on ${url} is another agent`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive, too.
    return systemCodeOf(error) === "EPERM";
  }
}

export const printJson = ({ print }: CliContext, value: unknown): void => print(`${JSON.stringify(value, null, 2)}\n`);
