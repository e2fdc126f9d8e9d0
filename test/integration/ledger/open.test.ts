import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openConnection } from "../../../src/ledger/connection.ts";
import { buildLedger } from "../../../src/ledger/ledger.ts";
import { LEDGER_VERSION } from "../../../src/ledger/migrate.ts";
import { openLedger, openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { jobStart, jobTotals, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let directory: TemporaryDirectory;
let dataDir: string;
let file: string;
let warnings: string[];
beforeEach(() => {
  directory = new TemporaryDirectory();
  dataDir = join(directory.path, "rig", "data");
  file = join(dataDir, "ledger.sqlite");
  warnings = [];
});
afterEach(() => directory[Symbol.dispose]());

const open = (path = dataDir) =>
  openLedger(path, { clock: new ManualClock(T0), logger: createLogger("warn", (line) => warnings.push(line)) });
const fault = (code: string) =>
  expect.objectContaining({ facts: expect.objectContaining({ code, mend: expect.any(String) }) });
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
/** Another program's hand on the file. */
function tamper(sql: string): void {
  const db = new SQLite(file);
  db.exec(sql);
  db.close();
}

describe("a fresh data directory", () => {
  test("is made for its owner only, files included", () => {
    const ledger = open();
    ledger.jobs.startJob(jobStart());
    expect([mode(dataDir), mode(file), mode(`${file}-wal`), mode(join(dataDir, "agent.lock"))]).toEqual([
      "700",
      "600",
      "600",
      "600",
    ]);
    ledger.close();
    expect(warnings).toEqual([]);
  });

  test("stays as it is when others may read it, with a warning", () => {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    open().close();
    expect(mode(dataDir)).toBe("755");
    expect(warnings.join()).toContain("open to other users");
  });

  test("keeps its rows over a restart", () => {
    const first = open();
    first.jobs.startJob(jobStart());
    first.jobs.recordTotals("job-1", jobTotals(5));
    first.close();
    first.close();
    const second = open();
    expect(second.jobs.findJob("job-1")?.energy).toBe(5);
    second.close();
  });

  test("writes through a log that survives power loss and checks its references", () => {
    const ledger = open();
    expect(() => ledger.shares.append(shareRow(), "no-such-job")).toThrow(fault("ERR_LEDGER_REFUSED"));
    ledger.close();
    const db = new SQLite(file, { readonly: true });
    expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
    expect(db.pragma("user_version", { simple: true })).toBe(LEDGER_VERSION);
    db.close();
  });

  test("has an empty log file after a checkpoint", () => {
    const ledger = open();
    ledger.jobs.startJob(jobStart());
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
    ledger.checkpoint();
    expect(statSync(`${file}-wal`).size).toBe(0);
    ledger.close();
  });
});

describe("a directory that cannot hold a ledger", () => {
  test.each([
    ["below a file", () => join(directory.write("file", ""), "data")],
    ["in a file system the kernel owns", () => "/proc/rigshift-test"],
    ["that is a file itself", () => directory.write("file", "")],
    ["whose ledger is a folder", () => join(directory.write("odd/ledger.sqlite/x", ""), "..", "..")],
  ])("is refused with a mend: one %s", (_title, path) => {
    expect(() => open(path())).toThrow(fault("ERR_LEDGER_DIRECTORY"));
  });
});

describe("a file that is not this program's ledger", () => {
  test("is called corrupt when it is no database, and is left as it was", () => {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, "not a database ".repeat(400));
    expect(() => open()).toThrow(fault("ERR_LEDGER_CORRUPT"));
    expect(() => openLedgerReadOnly(dataDir)).toThrow(fault("ERR_LEDGER_CORRUPT"));
    expect(readFileSync(file, "utf8")).toBe("not a database ".repeat(400));
  });

  test("is called corrupt when pages are missing", () => {
    open().close();
    truncateSync(file, 5000);
    expect(() => open().jobs.startJob(jobStart())).toThrow(fault("ERR_LEDGER_CORRUPT"));
  });

  test("is called corrupt when everything behind its first page is garbage", () => {
    const ledger = open();
    for (let n = 0; n < 500; n += 1) ledger.jobs.startJob(jobStart({ id: `job-${n}` }));
    ledger.close();
    const bytes = readFileSync(file);
    writeFileSync(file, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0xa5)]));
    expect(() => open()).toThrow(fault("ERR_LEDGER_CORRUPT"));
    expect(() => openLedgerReadOnly(dataDir).jobs.listJobs({ limit: 500 })).toThrow(fault("ERR_LEDGER_CORRUPT"));
  });

  test("is refused by name when a newer version wrote it", () => {
    open().close();
    tamper(`PRAGMA user_version = ${LEDGER_VERSION + 7}`);
    const newer = fault("ERR_LEDGER_NEWER");
    expect(() => open()).toThrow(newer);
    expect(() => open()).toThrow(`version ${LEDGER_VERSION + 7}`);
    expect(() => openLedgerReadOnly(dataDir)).toThrow(newer);
  });

  test("is refused when another program wrote it", () => {
    mkdirSync(dataDir, { recursive: true });
    tamper("CREATE TABLE wallets (id INTEGER)");
    expect(() => open()).toThrow(fault("ERR_LEDGER_FOREIGN"));
  });

  test("is upgraded by an agent, and refused by a reader before that", () => {
    mkdirSync(dataDir, { recursive: true });
    tamper("PRAGMA application_id = 0x52494753");
    expect(() => openLedgerReadOnly(dataDir)).toThrow(fault("ERR_LEDGER_OLDER"));
    open().close();
    openLedgerReadOnly(dataDir).close();
  });

  test("does not keep the lock after a refusal", () => {
    open().close();
    tamper(`PRAGMA user_version = ${LEDGER_VERSION + 1}`);
    expect(() => open()).toThrow(fault("ERR_LEDGER_NEWER"));
    tamper(`PRAGMA user_version = ${LEDGER_VERSION}`);
    open().close();
  });
});

describe("reading without an agent", () => {
  test("says how to get a ledger where there is none, and makes nothing", () => {
    expect(() => openLedgerReadOnly(dataDir)).toThrow(fault("ERR_LEDGER_MISSING"));
    expect(statSync(dataDir, { throwIfNoEntry: false })).toBeUndefined();
  });

  test("shows what the last agent wrote", () => {
    const ledger = open();
    ledger.jobs.startJob(jobStart());
    ledger.close();
    const reader = openLedgerReadOnly(dataDir);
    expect(reader.jobs.listJobs({ limit: 1 })).toHaveLength(1);
    reader.close();
  });
});

describe("a full disk", () => {
  test("is named, undoes the whole transaction and lets work go on once there is space", () => {
    open().close();
    const connection = openConnection(file, { busyTimeoutMs: 0 });
    const ledger = buildLedger(connection, new ManualClock(T0), () => {});
    const pages = Number(connection.pragma("page_count"));
    connection.pragma(`max_page_count = ${pages}`);
    const fill = () =>
      ledger.transaction(() => {
        for (let n = 0; n < 5000; n += 1) ledger.jobs.startJob(jobStart({ id: `job-${n}` }));
      });
    expect(fill).toThrow(fault("ERR_LEDGER_FULL"));
    expect(ledger.jobs.listJobs({ limit: 9 })).toEqual([]);
    connection.pragma("max_page_count = 1000000");
    expect(ledger.jobs.startJob(jobStart())).toBe("started");
    ledger.close();
  });
});
