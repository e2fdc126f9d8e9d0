import { beforeEach, describe, expect, test } from "vitest";
import { type Connection, openConnection } from "../../../src/ledger/connection.ts";
import { LEDGER_VERSION, migrate, requireCurrent } from "../../../src/ledger/migrate.ts";
import { tables } from "../../../src/ledger/migrations/0001-tables.ts";
import { ENERGY_QUALITIES } from "../../../src/ledger/quality.ts";

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
