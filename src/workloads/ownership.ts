import { readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";
import { readProcess } from "./process-table.ts";

/** What can be told apart from everything else on this machine. */
export interface OwnedWork {
  readonly pid: number;
  /** When `pid` was begun; where it is known, a later process of the same number is told apart. */
  readonly startTicks?: number;
  /** The Engine's id of its container. */
  readonly container?: string;
}

/** No process of a real rig is nested deeper. */
const DEEPEST = 64;

/**
 * Whether the process `pid` is part of `work`: in its container, in its process group, or begun by it. A process that
 * ended meanwhile belongs to nobody.
 */
export function belongsTo(pid: number, work: OwnedWork, proc = "/proc"): boolean {
  if (pid === work.pid && !wasReused(work, proc)) return true;
  if (work.container !== undefined) return cgroupOf(pid, proc)?.includes(work.container) === true;
  // A number is not given anew while a group still bears it: the whole group is gone.
  if (wasReused(work, proc)) return false;
  let at = pid;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const found = readProcess(at, proc);
    if (found === undefined) return false;
    if (found.group === work.pid || found.parent === work.pid) return true;
    if (found.parent <= 1) return false;
    at = found.parent;
  }
  return false;
}

function wasReused({ pid, startTicks }: OwnedWork, proc: string): boolean {
  if (startTicks === undefined) return false;
  const now = readProcess(pid, proc);
  return now !== undefined && now.startTicks !== startTicks;
}

/** When the process was begun, in the kernel's ticks since boot; undefined once it ended. */
export const startOf = (pid: number, proc = "/proc"): number | undefined => readProcess(pid, proc)?.startTicks;

/** Whether the process can be seen from here at all: from inside a container, those of the machine cannot. */
export const isSeen = (pid: number, proc = "/proc"): boolean => readProcess(pid, proc) !== undefined;

/** The name that the kernel keeps of a process, safe to print; undefined once it ended. */
export function nameOf(pid: number, proc = "/proc"): string | undefined {
  const name = readFile(`${proc}/${pid}/comm`)?.trim();
  return name === undefined || name === "" ? undefined : name.replace(/\p{Cc}/gu, "?");
}

/**
 * Whether a process runs the program that its name says, as root installed it on this machine: names can be chosen, and
 * a container has its own files. Undefined where this user may not look.
 */
export function isInstalledProgram(pid: number, name: string, proc = "/proc"): boolean | undefined {
  const cgroup = cgroupOf(pid, proc);
  if (cgroup === undefined || IN_CONTAINER.test(cgroup)) return false;
  try {
    const [root, own] = [statSync(`${proc}/${pid}/root/`), statSync(`${proc}/self/root/`)];
    if (root.dev !== own.dev || root.ino !== own.ino) return false;
    const program = basename(readlinkSync(`${proc}/${pid}/exe`));
    const { uid, mode } = statSync(`${proc}/${pid}/exe`);
    return program.startsWith(name) && uid === 0 && (mode & OTHERS_WRITE) === 0;
  } catch {
    // It ended, or it is another user's.
    return undefined;
  }
}

/** A container's id, or the word for one, in a process's cgroup. */
const IN_CONTAINER = /[0-9a-f]{64}|docker|containerd|libpod|kubepods|\/lxc/;
const OTHERS_WRITE = 0o022;

const cgroupOf = (pid: number, proc: string): string | undefined => readFile(`${proc}/${pid}/cgroup`);

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It ended, or this system keeps no such files.
    return undefined;
  }
}
