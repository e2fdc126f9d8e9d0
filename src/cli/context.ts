import { readAgentFile } from "../api/agent-file.ts";
import { createClient, type RigClient } from "../api/client.ts";
import { readToken } from "../api/token-file.ts";
import { resolveDataDir } from "../config/data-dir.ts";
import { loadConfig } from "../config/load.ts";
import { UsageError } from "./errors.ts";

/** The world a command runs in; tests bring their own. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Standard output. */
  readonly print: (text: string) => void;
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
  const configured = dataDir ?? (config === undefined ? undefined : loadConfig(config).dataDir);
  return resolveDataDir(configured, { env, uid: process.getuid?.(), cwd });
}

/** A client of the agent that runs over this data directory; throws `ERR_AGENT_NOT_RUNNING` when none was announced. */
export async function findAgent(options: LocationOptions, context: CliContext): Promise<RigClient> {
  const dataDir = findDataDir(options, context);
  const agent = readAgentFile(dataDir);
  if (agent === undefined)
    throw new UsageError(`no agent runs over ${dataDir}`, {
      code: "ERR_AGENT_NOT_RUNNING",
      mend: "start it with `rigshift start`, or name its data directory with --data-dir",
    });
  const token = await readToken(dataDir);
  return createClient({ baseUrl: agent.url, token: () => token });
}

export const printJson = ({ print }: CliContext, value: unknown): void => print(`${JSON.stringify(value, null, 2)}\n`);
