import { beforeEach, describe, expect, test } from "vitest";
import { type Connection, fromRow, openConnection, orNull } from "../../../src/ledger/connection.ts";

let connection: Connection;
beforeEach(() => {
  connection = openConnection(":memory:", { busyTimeoutMs: 0 });
  connection.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT");
});

const insert = (n: number) => connection.prepare("INSERT INTO t (n) VALUES (@n)").run({ n });
const count = () => connection.prepare<{ n: number }>("SELECT count(*) AS n FROM t").get()?.n;

describe("a transaction", () => {
  test("commits everything at its end and returns the result", () => {
    expect(connection.transaction(() => insert(1).id + insert(2).id)).toBe(3);
    expect(count()).toBe(2);
  });

  test("inside another one may fail alone", () => {
    connection.transaction(() => {
      insert(1);
      const inner = () =>
        connection.transaction(() => {
          insert(2);
          throw new Error("inner");
        });
      expect(inner).toThrow("inner");
    });
    expect(count()).toBe(1);
  });

  test("takes the inner ones with it when it fails itself", () => {
    const outer = () =>
      connection.transaction(() => {
        connection.transaction(() => insert(1));
        throw new Error("outer");
      });
    expect(outer).toThrow("outer");
    expect(count()).toBe(0);
  });
});

describe("a statement", () => {
  test("says how many rows it changed", () => {
    insert(1);
    insert(2);
    expect(connection.prepare("UPDATE t SET n = 5").run().changes).toBe(2);
    expect(connection.prepare("SELECT n FROM t WHERE n = @n").get({ n: 9 })).toBeUndefined();
  });

  test("refuses a fraction in a whole column as a ledger fault", () => {
    const refused = expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_LEDGER_REFUSED" }) });
    expect(() => insert(0.5)).toThrow(refused);
    expect(count()).toBe(0);
  });
});

describe("absent facts", () => {
  test("are null in SQL and undefined here, and 0 is neither", () => {
    expect([orNull(undefined), orNull(0), orNull("")]).toEqual([null, 0, ""]);
    expect(fromRow<{ a: number | undefined; b: number }>({ a: null, b: 0 })).toEqual({ a: undefined, b: 0 });
  });
});
