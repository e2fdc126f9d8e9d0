import SQLite from "better-sqlite3";
import { expect, test } from "vitest";
import { LedgerError, toLedgerFault } from "../../../src/ledger/errors.ts";

const system = (code: string) => Object.assign(new Error(code), { code });
const sqlite = (code: string) => new SQLite.SqliteError(code, code);

test.each([
  [system("ENOSPC"), "ERR_LEDGER_FULL"],
  [sqlite("SQLITE_FULL"), "ERR_LEDGER_FULL"],
  [system("EROFS"), "ERR_LEDGER_DIRECTORY"],
  [system("ENOTDIR"), "ERR_LEDGER_DIRECTORY"],
  [sqlite("SQLITE_CANTOPEN"), "ERR_LEDGER_DIRECTORY"],
  [sqlite("SQLITE_READONLY_DBMOVED"), "ERR_LEDGER_DIRECTORY"],
  [sqlite("SQLITE_NOTADB"), "ERR_LEDGER_CORRUPT"],
  [sqlite("SQLITE_CORRUPT_INDEX"), "ERR_LEDGER_CORRUPT"],
  [sqlite("SQLITE_BUSY_SNAPSHOT"), "ERR_LEDGER_BUSY"],
  [sqlite("SQLITE_IOERR_FSYNC"), "ERR_LEDGER_IO"],
  [sqlite("SQLITE_CONSTRAINT_CHECK"), "ERR_LEDGER_REFUSED"],
])("calls %s %s, with a mend and the cause", (error, code) => {
  const fault = toLedgerFault(error, "/data/ledger.sqlite");
  expect(fault).toBeInstanceOf(LedgerError);
  expect(fault).toMatchObject({ facts: { code, mend: expect.any(String), path: "/data/ledger.sqlite" }, cause: error });
});

test("leaves what is not the ledger's as it is", () => {
  const bug = new TypeError("x is undefined");
  const ours = new LedgerError("known", { code: "ERR_LEDGER_BUSY" });
  expect(toLedgerFault(bug, "p")).toBe(bug);
  expect(toLedgerFault(ours, "p")).toBe(ours);
});
