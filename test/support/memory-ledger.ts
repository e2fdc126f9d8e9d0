import { openConnection } from "../../src/ledger/connection.ts";
import { buildLedger, type Ledger } from "../../src/ledger/ledger.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import type { Clock } from "../../src/lib/clock.ts";

/** The real ledger on an in-memory database: everything but files and locks. */
export function openMemoryLedger(clock: Clock): Ledger {
  const connection = openConnection(":memory:", { busyTimeoutMs: 0 });
  connection.pragma("foreign_keys = ON");
  migrate(connection);
  return buildLedger(connection, clock, () => {});
}
