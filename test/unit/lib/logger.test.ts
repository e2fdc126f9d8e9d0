import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { createLogger, type LogLevel, silentLogger } from "../../../src/lib/logger.ts";

let lines: string[];
beforeEach(() => {
  lines = [];
});
const logger = (level: LogLevel = "debug") => createLogger(level, (line) => lines.push(line));
/** The line without its time. */
const said = () => lines.map((line) => line.slice("2026-01-01T00:00:00.000Z ".length));

describe("a log line", () => {
  test("begins with the time in UTC, the level and the message, and ends with one newline", () => {
    logger().info("handover", { gpu: "GPU-1", ms: 12, done: true, detail: null });
    expect(lines).toEqual([
      expect.stringMatching(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info {2}handover gpu=GPU-1 ms=12 done=true detail=null\n$/,
      ),
    ]);
  });

  test("leaves out a fact that is not known", () => {
    logger().warn("read", { power: undefined, gpu: "a" });
    expect(said()).toEqual(["warn  read gpu=a\n"]);
  });

  test("is written from its level upwards only", () => {
    const quiet = logger("warn");
    quiet.debug("a");
    quiet.info("b");
    quiet.warn("c");
    quiet.error("d");
    expect(said()).toEqual(["warn  c\n", "error d\n"]);
  });

  test("carries what its logger was made for, and a nearer fact wins", () => {
    const child = logger().child({ gpu: "a", rig: "r" }).child({ gpu: "b" });
    child.info("x", { rig: "s" });
    expect(said()).toEqual(["info  x gpu=b rig=s\n"]);
  });

  test("goes nowhere from the silent logger", () => {
    expect(() => silentLogger.error("nobody hears this")).not.toThrow();
  });
});

describe("a value", () => {
  const values: readonly [string, string, string][] = [
    ["stands bare when nothing in it could be misread", "CPU-7f/x:1", "v=CPU-7f/x:1"],
    ["is quoted when it holds a space", "a b", 'v="a b"'],
    ["is quoted when it holds an equals sign, which would forge a field", "x=1 level=error", 'v="x=1 level=error"'],
    ["has its quotes escaped", 'say "hi"', 'v="say \\"hi\\""'],
    ["is quoted when it is empty", "", 'v=""'],
    ["cannot end the line", "a\nerror forged", 'v="a\\nerror forged"'],
    ["cannot return to the start of the line", "a\rb", 'v="a\\rb"'],
    ["cannot steer the terminal", "\u001b[31mred", 'v="\\u001b[31mred"'],
    ["cannot steer it with one byte either", "\u009b2J", 'v="\\u009b2J"'],
    ["cannot rub out what stands before it", "ab\u007f\u007f", 'v="ab\\u007f\\u007f"'],
    ["cannot end the line in Unicode's way", "a\u2028b\u2029c\u0085d", 'v="a\\u2028b\\u2029c\\u0085d"'],
  ];
  test.each(values)("%s", (_title, value, field) => {
    logger().info("m", { v: value });
    expect(said()).toEqual([`info  m ${field}\n`]);
  });
});

describe("a stranger's text", () => {
  test("makes one line, whatever is in the message, a value or a child's fact", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\n", "\r\n", "\u2028", "\u0000", "\v\f", "\u001b]0;x\u0007"),
    );
    fc.assert(
      fc.property(anything, anything, anything, (message, value, base) => {
        lines = [];
        logger().child({ base }).error(message, { value });
        expect(lines).toHaveLength(1);
        expect(lines[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(lines[0]?.endsWith("\n")).toBe(true);
      }),
    );
  });

  test("in the message cannot forge a second line", () => {
    logger().info("pool said\n2026-01-01T00:00:00.000Z error all is lost");
    expect(said()).toEqual(["info  pool said 2026-01-01T00:00:00.000Z error all is lost\n"]);
  });
});
