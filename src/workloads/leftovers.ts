import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { millis, seconds, type UnixMs } from "../units/time.ts";
import type { WorkRole } from "./driver.ts";
import { readProcess, signalProcess } from "./process-table.ts";

/** A child process, described well enough to stop it, and only it, after a crash of the agent. */
export interface ProcessRow {
  readonly name: string;
  readonly pid: number;
  /** Absent where the kernel does not tell it; such a row can never be proven to be a living child. */
  readonly startTicks: number | undefined;
  readonly role: WorkRole;
  readonly gpu: GpuUuid;
  readonly command: string;
  readonly started: UnixMs;
}

/** Remembers which children run, across a crash of the agent. At most one row per name. */
export interface ProcessJournal {
  remember(row: ProcessRow): void;
  forget(name: string): void;
  list(): readonly ProcessRow[];
}

interface LeftoverParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

const POLL = millis(20);
const POLITE = seconds(5);
const KILLED = seconds(5);

/**
 * Stops the children of an agent that crashed, and returns them. Only a process whose start time is the recorded one is
 * signalled; a pid that was used again is somebody else's. A child that will not die stays in the journal.
 */
export async function stopLeftovers(
  journal: ProcessJournal,
  parts: LeftoverParts,
  signal: AbortSignal,
): Promise<readonly ProcessRow[]> {
  const stopped = await Promise.all(
    journal.list().map(async (row) => {
      if (!isRunning(row)) {
        journal.forget(row.name);
        return undefined;
      }
      const { name, pid, role } = row;
      parts.logger.warn("stopping work left over from a crash", { name, pid, role });
      if (!(await stopOne(row, parts, signal))) return undefined;
      journal.forget(name);
      return row;
    }),
  );
  return stopped.filter((row) => row !== undefined);
}

type Living = Pick<ProcessRow, "name" | "pid" | "startTicks">;

/** Stops that process with its group; true once it is gone, or was never there. A pid that was used again is left alone. */
export async function stopLeftover(one: Living, parts: LeftoverParts, signal: AbortSignal): Promise<boolean> {
  if (!isRunning(one)) return true;
  parts.logger.warn("ending what a killed agent left running", { name: one.name, pid: one.pid });
  return await stopOne(one, parts, signal);
}

function isRunning({ pid, startTicks }: Living): boolean {
  const found = startTicks === undefined ? undefined : readProcess(pid);
  return found !== undefined && !found.zombie && found.startTicks === startTicks;
}

async function stopOne(row: Living, { clock, logger }: LeftoverParts, signal: AbortSignal): Promise<boolean> {
  const isGone = async (within: number): Promise<boolean> => {
    const end = clock.monotonic() + within;
    while (isRunning(row) && clock.monotonic() < end && !signal.aborted) await clock.wait(POLL, signal);
    return !isRunning(row);
  };
  try {
    for (const [how, within] of [
      ["SIGTERM", POLITE],
      ["SIGKILL", KILLED],
    ] as const) {
      if (signal.aborted) return false;
      // The start time is checked again right before each signal, because the pid may have changed hands meanwhile.
      if (isRunning(row)) signalProcess(leadsItsGroup(row.pid) ? -row.pid : row.pid, how);
      if (await isGone(within)) return true;
    }
    logger.error("work left over from a crash does not end", { name: row.name, pid: row.pid });
  } catch (error) {
    logger.error("work left over from a crash cannot be stopped", { name: row.name, reason: messageOf(error) });
  }
  return false;
}

const leadsItsGroup = (pid: number): boolean => readProcess(pid)?.group === pid;
