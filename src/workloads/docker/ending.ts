import { constants } from "node:os";
import { codeOfEnd } from "../exit-code.ts";
import { printable } from "../lines.ts";
import type { Found } from "./containers.ts";
import type { Engine } from "./engine.ts";
import { readLogs } from "./inside.ts";

const LONGEST_REASON = 300;
const LAST_LINES = 20;

export interface Ending {
  /** What a start that ended so has failed with. */
  readonly code: `ERR_${string}`;
  /** Ready for a person. */
  readonly reason: string;
}

/** How a container's run ended, with the last line on its standard error; never throws. */
export async function endingOf(engine: Engine, found: Found | undefined): Promise<Ending> {
  if (found === undefined) return { code: "ERR_WORK_EXITED", reason: "its container was removed" };
  if (found.state === "running")
    return { code: "ERR_WORK_EXITED", reason: "its container was started again by somebody else" };
  const how = found.outOfMemory ? "out of memory" : sayExit(found.exitCode);
  const { signal } = new AbortController();
  // Without its last words the exit code has to do.
  const lines = await readLogs(engine, found.id, { lines: LAST_LINES, only: "stderr" }, signal).catch(() => []);
  const last = found.error || lines.at(-1);
  return {
    code: found.outOfMemory ? "ERR_CONTAINER_OOM" : codeOfEnd(found.exitCode, last ?? ""),
    reason: printable(last ? `${how}: ${last}` : how, LONGEST_REASON),
  };
}

function sayExit(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal === undefined ? `exit code ${code}` : `signal ${signal}`;
}
