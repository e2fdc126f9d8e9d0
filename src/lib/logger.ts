import { toPrintable } from "./errors.ts";

type LogFacts = Readonly<Record<string, string | number | boolean | undefined | null>>;

/** Facts go as fields, never into the message; secrets never go in at all. */
export interface Logger {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
  /** A logger that adds `facts` to every line. */
  child(facts: LogFacts): Logger;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}]/gu;
const escapeUnsafe = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** JSON leaves DEL, C1 and the Unicode line ends as they are; a log line must not. */
function renderValue(value: string | number | boolean | null): string {
  if (typeof value !== "string" || /^[^\s"=\p{Cc}]+$/u.test(value)) return String(value);
  return JSON.stringify(value).replace(UNSAFE, escapeUnsafe);
}

/** Writes logfmt lines of at least `level` to `write`, one call per line. */
export function createLogger(level: LogLevel, write: (line: string) => void, base: LogFacts = {}): Logger {
  const log = (at: LogLevel, message: string, facts: LogFacts = {}) => {
    if (RANK[at] < RANK[level]) return;
    const fields = Object.entries({ ...base, ...facts })
      .filter((entry): entry is [string, string | number | boolean | null] => entry[1] !== undefined)
      .map(([key, value]) => ` ${key}=${renderValue(value)}`);
    write(`${new Date().toISOString()} ${at.padEnd(5)} ${toPrintable(message)}${fields.join("")}\n`);
  };
  return {
    debug: (message, facts) => log("debug", message, facts),
    info: (message, facts) => log("info", message, facts),
    warn: (message, facts) => log("warn", message, facts),
    error: (message, facts) => log("error", message, facts),
    child: (facts) => createLogger(level, write, { ...base, ...facts }),
  };
}

export const silentLogger: Logger = createLogger("error", () => {});
