import { readFileSync } from "node:fs";
import { systemCodeOf } from "../lib/errors.ts";

/** What the kernel tells about one process. */
export interface KernelProcess {
  /** Since boot; together with the pid it names one process, however often pids are used again. */
  readonly startTicks: number;
  readonly parent: number;
  readonly group: number;
  /** Ended, but not yet collected by its parent. */
  readonly zombie: boolean;
}

/** Looks up a process; undefined when there is none, or on systems without /proc. */
export function readProcess(pid: number, proc = "/proc"): KernelProcess | undefined {
  try {
    return parseStat(readFileSync(`${proc}/${pid}/stat`, "latin1"));
  } catch {
    // It ended, or this system keeps no such files.
    return undefined;
  }
}

/** Parses /proc/<pid>/stat. The command's name stands in parentheses and may itself hold any of `) (`. */
export function parseStat(stat: string): KernelProcess | undefined {
  const end = stat.lastIndexOf(")");
  if (end < 0) return undefined;
  // From here on the fields are state (3), ppid (4), pgrp (5) … starttime (22).
  const fields = stat
    .slice(end + 1)
    .trim()
    .split(/\s+/);
  const parent = Number(fields[1]);
  const group = Number(fields[2]);
  const startTicks = Number(fields[19]);
  if (fields.length < 20 || !Number.isSafeInteger(parent + group) || !Number.isSafeInteger(startTicks))
    return undefined;
  return { startTicks, parent, group, zombie: fields[0] === "Z" || fields[0] === "X" };
}

export type ProcessSignal = "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT";

/** Signals a process, or with a negative `pid` its whole group; false when there is none any more. */
export function signalProcess(pid: number, signal: ProcessSignal): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (systemCodeOf(error) === "ESRCH") return false;
    throw error;
  }
}
