import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Where a running agent answers; written beside its ledger. */
export interface AgentFile {
  readonly url: string;
  readonly pid: number;
  readonly id: string;
  /** The absolute path of the configuration it was started with; absent for the embedded try-out. */
  readonly config?: string;
}

const schema = z.object({ url: z.url(), pid: z.int().positive(), id: z.string(), config: z.string().exactOptional() });

export const agentFilePath = (dataDir: string): string => join(dataDir, "agent.json");

/** The agent that was last announced in `dataDir`, which may be dead; undefined when there is none. */
export function readAgentFile(dataDir: string): AgentFile | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(agentFilePath(dataDir), "utf8")));
  } catch {
    // Missing or half-written by an older agent: either way there is no address to ask.
    return undefined;
  }
}
