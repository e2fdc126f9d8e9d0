import SQLite from "better-sqlite3";
import { type Facts, messageOf, RigError, systemCodeOf } from "../lib/errors.ts";

export type LedgerFaultCode =
  | "ERR_LEDGER_DIRECTORY"
  | "ERR_LEDGER_MISSING"
  | "ERR_LEDGER_IN_USE"
  | "ERR_LEDGER_BUSY"
  | "ERR_LEDGER_CORRUPT"
  | "ERR_LEDGER_FOREIGN"
  | "ERR_LEDGER_NEWER"
  | "ERR_LEDGER_OLDER"
  | "ERR_LEDGER_FULL"
  | "ERR_LEDGER_IO"
  | "ERR_LEDGER_REFUSED"
  | "ERR_LEDGER_MONEY"
  | "ERR_LEDGER_UNKNOWN_JOB"
  | "ERR_LEDGER_FALLING_TOTALS"
  | "ERR_LEDGER_UNBALANCED"
  | "ERR_LEDGER_CONSERVATION";

export interface LedgerFacts extends Facts {
  readonly code: LedgerFaultCode;
  readonly path?: string;
  /** Process that holds the data directory. */
  readonly pid?: number;
  readonly jobId?: string;
  readonly foundVersion?: number;
  readonly knownVersion?: number;
}

/** Every fault of the ledger; after one, what was asked for is not recorded, not even half. */
export class LedgerError extends RigError<LedgerFacts> {}

const DIRECTORY_FAULTS = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EEXIST",
  "ENOENT",
  "ENAMETOOLONG",
  "ELOOP",
  "EISDIR",
]);

interface Fault {
  readonly code: LedgerFaultCode;
  readonly what: string;
  readonly mend: string;
  readonly retryable?: boolean;
}

const FULL: Fault = {
  code: "ERR_LEDGER_FULL",
  what: "the disk under the ledger is full",
  mend: "free space on the disk that holds the data directory",
  retryable: true,
};
const DIRECTORY: Fault = {
  code: "ERR_LEDGER_DIRECTORY",
  what: "the data directory cannot be written",
  mend: "set dataDir in rig.yaml, or RIGSHIFT_HOME, to a directory that this user may write",
};
const CORRUPT: Fault = {
  code: "ERR_LEDGER_CORRUPT",
  what: "the ledger file is damaged",
  mend: "stop the agent, move ledger.sqlite and its -wal and -shm files away, and restore a backup",
};
const BUSY: Fault = {
  code: "ERR_LEDGER_BUSY",
  what: "another program holds the ledger's write lock",
  mend: "close programs that write to ledger.sqlite; third parties may only read it",
  retryable: true,
};
const IO: Fault = {
  code: "ERR_LEDGER_IO",
  what: "the disk under the ledger failed",
  mend: "check the disk with dmesg and smartctl",
  retryable: true,
};
const REFUSED: Fault = {
  code: "ERR_LEDGER_REFUSED",
  what: "the ledger refused a row",
  mend: "report this with the log: a value broke the ledger's own rules",
};

function faultFor(code: string): Fault | undefined {
  if (code === "ENOSPC" || code === "EDQUOT" || code.startsWith("SQLITE_FULL")) return FULL;
  if (code === "SQLITE_CORRUPT" || code.startsWith("SQLITE_CORRUPT_") || code === "SQLITE_NOTADB") return CORRUPT;
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN") || code === "SQLITE_PERM")
    return DIRECTORY;
  if (DIRECTORY_FAULTS.has(code)) return DIRECTORY;
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return BUSY;
  if (code.startsWith("SQLITE_IOERR") || code === "EIO") return IO;
  return code.startsWith("SQLITE_") ? REFUSED : undefined;
}

/** Whether SQLite or the file system raised `error`; anything else is not the ledger's to explain. */
const codeOf = (error: unknown): string | undefined =>
  error instanceof SQLite.SqliteError ? error.code : systemCodeOf(error);

/** `error` as a ledger fault with its mend; what is neither SQLite's nor the file system's comes back as it is. */
export function toLedgerFault(error: unknown, path: string): unknown {
  if (error instanceof RigError) return error;
  const fault = faultFor(codeOf(error) ?? "");
  if (fault === undefined) return error;
  const { what, ...facts } = fault;
  return new LedgerError(`${what} (${messageOf(error)})`, { ...facts, path }, { cause: error });
}
