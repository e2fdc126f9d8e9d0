import { join } from "node:path";
import { isRigError } from "../lib/errors.ts";
import { type Connection, openConnection } from "./connection.ts";
import { LedgerError } from "./errors.ts";

/** The claim on a data directory: one agent at a time. Released by the system when its process dies, however it dies. */
export interface AgentLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly started_ms: number;
  readonly title: string;
}

const BUSY_TIMEOUT_MS = 250;
const ROUNDS = 20;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS holder (
  id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, started_ms INTEGER NOT NULL,
  title TEXT NOT NULL, nonce TEXT NOT NULL
)`;
const WRITE_HOLDER = `
INSERT INTO holder (id, pid, started_ms, title, nonce) VALUES (1, @pid, @started_ms, @title, @nonce)
ON CONFLICT (id) DO UPDATE SET pid = @pid, started_ms = @started_ms, title = @title, nonce = @nonce`;

/**
 * Claims `dataDir` for this process, or throws `ERR_LEDGER_IN_USE` naming the process that has it.
 * An open write transaction is the claim; readers still see the row that the holder committed before it.
 */
export function acquireAgentLock(dataDir: string): AgentLock {
  const path = join(dataDir, "agent.lock");
  const connection = openConnection(path, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  try {
    claim(connection);
    return { release: () => connection.close() };
  } catch (error) {
    const fault = isRigError(error) && error.facts.code === "ERR_LEDGER_BUSY" ? inUse(connection, error) : error;
    connection.close();
    throw fault;
  }
}

function claim(connection: Connection): void {
  const nonce = `${process.pid}-${process.hrtime.bigint()}`;
  const holder = { pid: process.pid, started_ms: Math.round(performance.timeOrigin), title: process.title, nonce };
  for (let round = 0; round < ROUNDS; round += 1) {
    connection.transaction(() => {
      connection.exec(SCHEMA);
      connection.prepare(WRITE_HOLDER).run(holder);
    });
    connection.exec("BEGIN IMMEDIATE");
    // Between commit and claim another process may have written its own name; then it must not stay ours.
    const row = connection.prepare<{ nonce: string }>("SELECT nonce FROM holder").get();
    if (row?.nonce === nonce) return;
    connection.exec("ROLLBACK");
  }
  throw new LedgerError("two agents keep starting in the same data directory", {
    code: "ERR_LEDGER_BUSY",
    mend: "start one agent only",
    retryable: true,
    path: connection.path,
  });
}

function inUse(connection: Connection, cause: unknown): LedgerError {
  const holder = holderOf(connection);
  const since = holder === undefined ? "" : ` since ${new Date(holder.started_ms).toISOString()}`;
  const who = holder === undefined ? "another agent" : `the agent with pid ${holder.pid} (${holder.title})`;
  const facts = {
    code: "ERR_LEDGER_IN_USE",
    mend: "stop that agent, or give this one another RIGSHIFT_HOME",
    path: connection.path,
    ...(holder === undefined ? {} : { pid: holder.pid }),
  } as const;
  return new LedgerError(`${who} uses this data directory${since}`, facts, { cause });
}

/** Absent while the first agent ever is still writing its name. */
function holderOf(connection: Connection): Holder | undefined {
  try {
    return connection.prepare<Holder>("SELECT pid, started_ms, title FROM holder").get();
  } catch {
    // Without a name the refusal still holds; it only says less.
    return undefined;
  }
}
