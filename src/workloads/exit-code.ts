import type { StartFault } from "./errors.ts";

/** What work that ended is said to have failed with; a program that knows better says so in its last line, `… (ERR_CODE): …`. */
export function codeOfEnd(exitCode: number | undefined, lastLine: string): `ERR_${string}` {
  const own = /\((ERR_[A-Z0-9_]{1,40})\)/.exec(lastLine)?.[1];
  return own === undefined ? faultOf(exitCode) : (own as `ERR_${string}`);
}

/** 2 is a refused command line or configuration; 126 and 127 come from a failed exec of the shell, nice, setpriv or tini. */
function faultOf(exitCode: number | undefined): StartFault {
  if (exitCode === 2) return "ERR_WORK_REFUSED";
  return exitCode === 126 || exitCode === 127 ? "ERR_WORK_SPAWN" : "ERR_WORK_EXITED";
}
