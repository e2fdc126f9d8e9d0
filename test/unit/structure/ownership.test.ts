import { describe, expect, test } from "vitest";
import { type SourceFile, sourceFiles, withoutComments } from "../../support/source-tree.ts";

const SQL =
  /\b(SELECT\s[^;`"]*?\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TEMP\s+)?(TABLE|VIEW|INDEX|TRIGGER)\s|PRAGMA\s+\w)/;
/** The names of the sources may be told on; how to talk to the driver may not. */
const DRIVER = /\bnvml(?!")|\bnvidia-smi(?!")|\bNVML/;

const files = sourceFiles();
const offenders = (isOffence: (file: SourceFile) => boolean): string[] =>
  files.filter(isOffence).map(({ path }) => path);
const imports = (file: SourceFile, ...packages: string[]): boolean =>
  file.imports.some((name) => packages.some((one) => name === one || name.startsWith(`${one}/`)));

test("only the ledger speaks SQL", () => {
  expect(
    offenders((file) => file.folder !== "ledger" && (imports(file, "better-sqlite3") || SQL.test(file.code))),
  ).toEqual([]);
});

test("only workloads start programs or containers, and nvidia-smi is started where it is read", () => {
  const starts = (file: SourceFile) => imports(file, "execa", "dockerode", "node:child_process", "child_process");
  expect(offenders((file) => file.folder !== "workloads" && file.folder !== "gpu" && starts(file))).toEqual([]);
  const runsSmi = ({ path }: SourceFile) => path.startsWith("src/gpu/nvidia-smi/");
  expect(offenders((file) => file.folder === "gpu" && !runsSmi(file) && imports(file, "execa"))).toEqual([]);
  expect(offenders((file) => file.folder === "gpu" && imports(file, "dockerode"))).toEqual([]);
});

test("only the gpu folder talks to the driver", () => {
  expect(offenders((file) => file.folder !== "gpu" && (imports(file, "koffi") || DRIVER.test(file.code)))).toEqual([]);
});

describe("valuation and policy are pure", () => {
  const pure = files.filter(({ folder }) => folder === "valuation" || folder === "policy");
  const offences = (isOffence: (file: SourceFile) => boolean) => pure.filter(isOffence).map(({ path }) => path);

  test("they exist", () => {
    expect(pure.length).toBeGreaterThan(0);
  });

  test("they never wait", () => {
    expect(offences(({ code }) => /\basync\b|\bawait\b|\bPromise\b/.test(code))).toEqual([]);
  });

  test("they know no clock, no chance and no log", () => {
    const known = /\bDate\b|\bperformance\.|\bMath\.random\b|\bcrypto\b|\bconsole\./;
    const lib = ["src/lib/clock.ts", "src/lib/logger.ts", "src/lib/wait.ts", "src/lib/backoff.ts"];
    expect(offences((file) => known.test(file.code) || file.imports.some((name) => lib.includes(name)))).toEqual([]);
  });

  test("they touch nothing of Node", () => {
    expect(offences((file) => file.imports.some((name) => name.startsWith("node:")))).toEqual([]);
    expect(offences(({ code }) => /\bprocess\.|\bglobalThis\b|\bfetch\(/.test(code))).toEqual([]);
  });
});

describe("the patterns themselves", () => {
  test("find SQL and pass English", () => {
    for (const text of [
      "`SELECT a, b\n FROM jobs `",
      '"INSERT OR REPLACE INTO x "',
      '"UPDATE jobs SET a = 1"',
      '"PRAGMA wal"',
    ])
      expect(SQL.test(text), text).toBe(true);
    for (const text of ['"select one from the list"', '"Update the settings"', '"CREATE a file"'])
      expect(SQL.test(text), text).toBe(false);
  });

  test("find calls of the driver and pass the name of a source", () => {
    for (const text of ["nvmlInit()", '"nvidia-smi -q"', '"libnvml.so nvml "'])
      expect(DRIVER.test(text), text).toBe(true);
    expect(DRIVER.test('kind: "nvml" | "nvidia-smi"')).toBe(false);
  });

  test("see no comment, and nothing but comments is removed", () => {
    expect(withoutComments('const a = "http://x"; // nvmlInit\n/* SELECT\n 1 */ const b = `//`;')).toBe(
      'const a = "http://x"; \n const b = `//`;',
    );
  });
});
