import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** A native child process, described well enough to stop it, and only it, after a crash of the agent. */
export interface ProcessRow {
  readonly name: string;
  readonly pid: number;
  /** The kernel's start time of the process: pid and ticks together are never reused within one boot. */
  readonly startTicks: number | undefined;
  readonly role: "miner" | "engine";
  readonly gpu: GpuUuid;
  readonly command: string;
  readonly started: UnixMs;
}

export interface ProcessReads {
  list(): readonly ProcessRow[];
}

/** The native children that should be running; at start-up whatever is here is a leftover. */
export interface Processes extends ProcessReads {
  /** Replaces what was remembered under the same name. */
  remember(row: Omit<ProcessRow, "startTicks"> & { readonly startTicks?: number | undefined }): void;
  forget(name: string): void;
}

const REMEMBER = `
INSERT OR REPLACE INTO processes (name, pid, start_ticks, role, gpu_uuid, command, started_ms)
VALUES (@name, @pid, @startTicks, @role, @gpu, @command, @started)`;
const LIST = `
SELECT name, pid, start_ticks AS startTicks, role, gpu_uuid AS gpu, command, started_ms AS started
FROM processes ORDER BY name`;

export function createProcesses(connection: Connection): Processes {
  const remember = connection.prepare(REMEMBER);
  const forget = connection.prepare("DELETE FROM processes WHERE name = @name");
  const list = connection.prepare<Nullable<ProcessRow>>(LIST);
  return {
    remember: (row) => void remember.run({ ...row, startTicks: orNull(row.startTicks) }),
    forget: (name) => void forget.run({ name }),
    list: () => list.all().map((row) => fromRow<ProcessRow>(row)),
  };
}
