import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Clock, systemClock } from "../lib/clock.ts";
import { systemCodeOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { type Connection, openConnection } from "./connection.ts";
import { LedgerError, toLedgerFault } from "./errors.ts";
import { buildLedger, type Ledger, type ReadOnlyLedger } from "./ledger.ts";
import { acquireAgentLock } from "./lock.ts";
import { migrate, requireCurrent } from "./migrate.ts";

export interface LedgerParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens the one ledger of `dataDir`, making directory (0700) and file (0600) where they are missing.
 * The caller owns it until `close`; a second agent in the same directory gets `ERR_LEDGER_IN_USE`.
 */
export function openLedger(dataDir: string, { clock, logger }: LedgerParts): Ledger {
  const path = join(dataDir, "ledger.sqlite");
  prepareFiles(dataDir, path, logger);
  const lock = acquireAgentLock(dataDir);
  try {
    const connection = openForWriting(path);
    return buildLedger(connection, clock, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Opens the ledger for reading, while an agent runs or not; what the agent commits meanwhile becomes visible. */
export function openLedgerReadOnly(dataDir: string): ReadOnlyLedger {
  const path = join(dataDir, "ledger.sqlite");
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new LedgerError(`there is no ledger in ${dataDir}`, {
      code: "ERR_LEDGER_MISSING",
      mend: "start the agent once, or set dataDir in rig.yaml, or RIGSHIFT_HOME, to its data directory",
      path,
    });
  }
  const connection = openConnection(path, { readOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
  return closingOnFault(connection, () => {
    requireCurrent(connection);
    return buildLedger(connection, systemClock, () => {});
  });
}

function prepareFiles(dataDir: string, path: string, logger: Logger): void {
  try {
    makeDirectory(resolve(dataDir));
    // Others would read prices, wallets and tokens; the directory may be shared on purpose, so it is not changed.
    if ((statSync(dataDir).mode & 0o077) !== 0) logger.warn("data directory is open to other users", { dataDir });
    for (const file of [path, join(dataDir, "agent.lock")]) createPrivate(file);
  } catch (error) {
    throw toLedgerFault(error, dataDir);
  }
}

/** By hand: Node's recursive mkdir never returns where the kernel answers ENOENT for an existing parent, as in /proc. */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  mkdirSync(path, 0o700);
}

/** SQLite gives its -wal and -shm files the mode of the main file. */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    // Opening a file that exists would drop this process's own locks on it when it is closed again.
    if (systemCodeOf(error) !== "EEXIST") throw error;
    chmodSync(file, 0o600);
  }
}

function openForWriting(path: string): Connection {
  const connection = openConnection(path, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  return closingOnFault(connection, () => {
    if (connection.pragma("journal_mode = WAL") !== "wal") noWriteAheadLog(path);
    connection.pragma("synchronous = FULL");
    connection.pragma("foreign_keys = ON");
    connection.pragma("trusted_schema = OFF");
    migrate(connection);
    return connection;
  });
}

function closingOnFault<T>(connection: Connection, f: () => T): T {
  try {
    return f();
  } catch (error) {
    connection.close();
    throw error;
  }
}

function noWriteAheadLog(path: string): never {
  throw new LedgerError("the file system of the data directory cannot hold a write-ahead log", {
    code: "ERR_LEDGER_DIRECTORY",
    mend: "set dataDir in rig.yaml, or RIGSHIFT_HOME, to a directory on a local disk",
    path,
  });
}
