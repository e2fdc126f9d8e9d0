import SQLite from "better-sqlite3";
import { toLedgerFault } from "./errors.ts";

type Value = string | number | null;
export type Params = Readonly<Record<string, Value>>;

/** A prepared statement with named parameters; every fault it throws is a ledger fault. */
export interface Statement<Row> {
  /** Returns how many rows changed and the id of the last one inserted. */
  run(params?: Params): { readonly changes: number; readonly id: number };
  get(params?: Params): Row | undefined;
  all(params?: Params): Row[];
}

/** One SQLite connection; synchronous, so that no other code can run inside a transaction. */
export interface Connection {
  readonly path: string;
  prepare<Row>(sql: string): Statement<Row>;
  exec(sql: string): void;
  /** The first column of the first row a pragma returns. */
  pragma(text: string): unknown;
  /** Takes the write lock first; nested calls become savepoints; a throw undoes everything `f` wrote. */
  transaction<T>(f: () => T): T;
  close(): void;
}

export interface ConnectionOptions {
  readonly readOnly?: boolean;
  /** How long a statement waits for another connection's lock. */
  readonly busyTimeoutMs: number;
}

/** Opens `path`; a writable connection creates the file when it is missing. */
export function openConnection(path: string, options: ConnectionOptions): Connection {
  const guard = <T>(f: () => T): T => {
    try {
      return f();
    } catch (error) {
      throw toLedgerFault(error, path);
    }
  };
  const readonly = options.readOnly === true;
  const db = guard(() => new SQLite(path, { readonly, fileMustExist: readonly, timeout: options.busyTimeoutMs }));
  const atomically = db.transaction((f: () => unknown) => f()).immediate;
  return {
    path,
    prepare: <Row>(sql: string) =>
      guardedStatement(
        guard(() => db.prepare<[Params], Row>(sql)),
        guard,
      ),
    exec: (sql) => guard(() => void db.exec(sql)),
    pragma: (text) => guard(() => db.pragma(text, { simple: true })),
    transaction: <T>(f: () => T) => guard(() => atomically(f) as T),
    close: () => guard(() => void db.close()),
  };
}

function guardedStatement<Row>(
  statement: SQLite.Statement<[Params], Row>,
  guard: <T>(f: () => T) => T,
): Statement<Row> {
  return {
    run: (params = {}) => {
      const { changes, lastInsertRowid } = guard(() => statement.run(params));
      return { changes, id: Number(lastInsertRowid) };
    },
    get: (params = {}) => guard(() => statement.get(params)),
    all: (params = {}) => guard(() => statement.all(params)),
  };
}

/** SQL's null for a fact that is absent. */
export const orNull = <T extends Value>(value: T | undefined): T | null => value ?? null;

/** `T` as SQL returns it: null where `T` has undefined. */
export type Nullable<T> = {
  readonly [K in keyof T]: undefined extends T[K] ? Exclude<T[K], undefined> | null : T[K];
};

/** The row with absent facts for SQL's nulls. */
export const fromRow = <T extends object>(row: Nullable<T>): T =>
  Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value ?? undefined])) as T;
