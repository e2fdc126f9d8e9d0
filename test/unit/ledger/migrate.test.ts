import { beforeEach, describe, expect, test } from "vitest";
import { type Connection, openConnection } from "../../../src/ledger/connection.ts";
import { buildLedger } from "../../../src/ledger/ledger.ts";
import { LEDGER_VERSION, MIGRATIONS, migrate, requireCurrent } from "../../../src/ledger/migrate.ts";
import { tables } from "../../../src/ledger/migrations/0001-tables.ts";
import { ENERGY_QUALITIES } from "../../../src/ledger/quality.ts";
import { usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let connection: Connection;
beforeEach(() => {
  connection = openConnection(":memory:", { busyTimeoutMs: 0 });
});

const objects = () =>
  connection
    .prepare<{ name: string }>("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name")
    .all()
    .map((row) => row.name);

describe("migrating", () => {
  test("brings an empty file to the newest version, once", () => {
    migrate(connection);
    const first = objects();
    migrate(connection);
    expect(objects()).toEqual(first);
    expect(connection.pragma("user_version")).toBe(LEDGER_VERSION);
    requireCurrent(connection);
  });

  test("goes on where a ledger of an older version stands", () => {
    connection.exec(tables);
    connection.pragma(`application_id = ${0x52494753}`);
    connection.pragma("user_version = 1");
    expect(() => requireCurrent(connection)).toThrow("version 1");
    migrate(connection);
    expect(objects()).toContain("v_jobs");
    expect(connection.prepare("SELECT wall_error_pct FROM v_jobs").all()).toEqual([]);
  });

  test("keeps what jobs of a ledger without flight sheets earned and found, fees and all", () => {
    for (const step of MIGRATIONS.slice(0, 18)) connection.exec(step);
    connection.pragma(`application_id = ${0x52494753}`);
    connection.pragma("user_version = 18");
    connection.exec(`
INSERT INTO jobs (job_id, kind, workload, started_ms, recorded_ms, ended_ms, outcome, revenue_usd_nano, revenue_basis,
  shares_accepted, shares_rejected, difficulty_accepted) VALUES
  ('one', 'hashing', 'etc', 0, 3600000, 3600000, 'completed', 100, 'estimated', 7, 2, 7),
  ('pair', 'hashing', 'etc+alph', 0, 3600000, 3600000, 'completed', 90, 'estimated', 5, 0, 5),
  ('open', 'hashing', 'etc', 0, 3600000, NULL, NULL, NULL, NULL, 0, 0, 0),
  ('chat', 'completion', 'tiny', 0, 9, 9, 'completed', 40, 'estimated', NULL, NULL, NULL);
INSERT INTO job_coins VALUES ('pair', 'etc', 60), ('pair', 'alph', 30);
INSERT INTO shares (job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, coin)
  VALUES ('one', 'GPU-a', 'p', 'w', 'j', 5, 1, 1, 'accepted', NULL);
INSERT INTO payouts (origin, coin, pool, from_ms, to_ms, credited_usd_nano) VALUES ('entered', '', '', 0, 3600000, 95);`);
    const credited = () => connection.prepare("SELECT * FROM v_payouts").all();
    const before = credited();
    migrate(connection);
    expect(credited()).toEqual(before);
    expect(connection.prepare("SELECT job_id, sheet, revenue_usd_nano, gross_usd_nano FROM v_jobs").all()).toEqual([
      { job_id: "one", sheet: null, revenue_usd_nano: 100, gross_usd_nano: 100 },
      { job_id: "pair", sheet: null, revenue_usd_nano: 90, gross_usd_nano: 90 },
      { job_id: "open", sheet: null, revenue_usd_nano: null, gross_usd_nano: null },
      { job_id: "chat", sheet: null, revenue_usd_nano: 40, gross_usd_nano: null },
    ]);
    const ledger = buildLedger(connection, new ManualClock(T0), () => {});
    ledger.jobs.addRevenue("pair", usdNano(9), { coin: "alph", gross: usdNano(10) });
    ledger.shares.append(shareRow({ coin: "alph", sheet: "pair" }), "pair");
    ledger.shares.append(shareRow({ coin: "etc", sheet: "etc", verdict: "stale" }), "open");
    expect(ledger.energy.contradictions()).toEqual([]);
    expect(connection.prepare("SELECT job_id, sheet FROM v_shares ORDER BY share_id").all()).toEqual([
      { job_id: "one", sheet: null },
      { job_id: "pair", sheet: "pair" },
      { job_id: "open", sheet: "etc" },
    ]);
  });

  test("keeps what the shares of a job proved, of deleted ones as far as anything tells it", () => {
    for (const step of MIGRATIONS.slice(0, 19)) connection.exec(step);
    connection.pragma(`application_id = ${0x52494753}`);
    connection.pragma("user_version = 19");
    const job = (id: string, workload: string, [accepted, rejected, difficulty]: readonly number[]) =>
      connection.exec(`
INSERT INTO jobs (job_id, kind, workload, started_ms, recorded_ms, shares_accepted, shares_rejected, difficulty_accepted)
VALUES ('${id}', 'hashing', '${workload}', 0, 3600000, ${accepted}, ${rejected}, ${difficulty});
INSERT INTO job_gpus VALUES ('${id}', 'GPU-a');`);
    const share = (id: string, coin: string | null, verdict: string) =>
      connection
        .prepare(`
INSERT INTO shares (job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, coin, algorithm)
VALUES (@id, 'GPU-a', 'p', 'w', 'j', 5, 2, 200, @verdict, @coin, 'etchash')`)
        .run({ id, coin, verdict });
    job("whole", "etc", [2, 1, 4]);
    for (const verdict of ["accepted", "accepted", "stale", "unknown"]) share("whole", null, verdict);
    job("thinned", "etc", [5, 2, 11]);
    share("thinned", "etc", "accepted");
    job("gone", "xmr", [4, 0, 8]);
    job("none", "etc", [0, 0, 0]);
    job("pair", "etc+alph", [3, 0, 6]);
    share("pair", "etc", "accepted");
    connection.exec(`
INSERT INTO job_coins VALUES ('pair', 'etc', 60, 60), ('pair', 'alph', 30, 30);
INSERT INTO job_shares VALUES ('whole', 'etc', 2, 1), ('thinned', 'etc', 5, 2), ('gone', 'xmr', 4, 0), ('pair', '', 3, 0);`);
    migrate(connection);
    const sums =
      connection.prepare(`SELECT job_id || ' ' || coin || ' ' || algorithm AS of, accepted, stale, rejected, unknown,
      difficulty, expected_hashes AS hashes, squared_hashes AS squares FROM job_shares ORDER BY 1`);
    const none = { accepted: 0, stale: 0, rejected: 0, unknown: 0, difficulty: 0, hashes: 0, squares: 0 };
    expect(sums.all()).toEqual([
      { ...none, of: "gone xmr ", accepted: 4, difficulty: 8 },
      { ...none, of: "none etc etchash" },
      { ...none, of: "pair  ", accepted: 2, difficulty: 4 },
      { ...none, of: "pair etc etchash", accepted: 1, difficulty: 2, hashes: 200, squares: 40_000 },
      { ...none, of: "thinned etc etchash", accepted: 5, rejected: 2, difficulty: 11, hashes: 1100, squares: 242_500 },
      {
        ...none,
        of: "whole etc etchash",
        accepted: 2,
        stale: 1,
        unknown: 1,
        difficulty: 4,
        hashes: 400,
        squares: 80_000,
      },
    ]);
    const ledger = buildLedger(connection, new ManualClock(T0), () => {});
    expect(ledger.energy.contradictions()).toEqual([]);
    expect(ledger.shares.countsOf({ sheet: "etc-near", coin: "etc" }, unixMs(0))).toEqual({ accepted: 8, rejected: 3 });
  });

  test("leaves a step that fails undone, version included", () => {
    migrate(connection);
    connection.pragma("user_version = 1");
    expect(() => migrate(connection)).toThrow("v_jobs already exists");
    expect(connection.pragma("user_version")).toBe(1);
  });

  test("gives the tables the qualities in the order the program trusts them", () => {
    migrate(connection);
    const rows = connection.prepare<{ quality: string }>("SELECT quality FROM energy_qualities ORDER BY rank").all();
    expect(rows.map((row) => row.quality)).toEqual([...ENERGY_QUALITIES]);
  });
});
