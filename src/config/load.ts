import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { valueAt } from "../lib/wanted.ts";
import { embeddedDefault, repositoryRoot } from "./default.ts";
import { ConfigError, type ConfigIssue } from "./errors.ts";
import type { Endpoint } from "./fields.ts";
import { createSchema } from "./schema.ts";

type DeepReadonly<T> = T extends number | string | boolean | undefined
  ? T
  : { readonly [Key in keyof T]: DeepReadonly<T[Key]> };

type ParsedConfig = DeepReadonly<z.output<ReturnType<typeof createSchema>>>;

/** A checked configuration: defaults filled in, paths absolute, durations in `Millis`; absent sections are off. */
export type RigConfig = ParsedConfig & {
  /** The file it came from; absent for the embedded default, the try-out with invented prices. */
  readonly file?: string;
};

/** One way to hash: a coin, its pools, and the miner that does it. */
export type FlightSheetConfig = NonNullable<RigConfig["mining"]>["sheets"][number];

const LARGEST_FILE = 1024 * 1024;
const ISSUES_IN_MESSAGE = 3;

/**
 * Loads the configuration file, or the embedded default when there is none; throws only `ConfigError`.
 * `listen` stands in for the configured `http.listen`.
 */
export function loadConfig(file: string | undefined, listen?: Endpoint): RigConfig {
  const config = load(file);
  return listen === undefined ? config : { ...config, http: { ...config.http, listen } };
}

function load(file: string | undefined): RigConfig {
  if (file === undefined) return parseConfig(embeddedDefault(repositoryRoot), "embedded default", repositoryRoot);
  const absolute = resolve(file);
  return { ...parseConfig(parseYaml(readBounded(file), file), file, dirname(absolute)), file: absolute };
}

/** Checks `value` as the content of `file`; relative paths are taken from `base`. */
export function parseConfig(value: unknown, file: string, base: string): RigConfig {
  const parsed = createSchema(base).safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap((issue) => toIssues(issue, value));
  const shown = issues.slice(0, ISSUES_IN_MESSAGE).map(({ path, got, wanted }) => {
    return `${path && `${path}: `}got ${got}, wanted ${wanted}`;
  });
  const more = issues.length > shown.length ? `; and ${issues.length - shown.length} more` : "";
  throw new ConfigError(`${file}: ${shown.join("; ")}${more}`, {
    code: "ERR_CONFIG_INVALID",
    file,
    issues,
    mend: `correct ${issues.length === 1 ? "this value" : "these values"}; rig.example.yaml shows every key`,
  });
}

function readBounded(file: string): string {
  try {
    if (statSync(file).size <= LARGEST_FILE) return readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
  throw new ConfigError(`${file}: larger than ${LARGEST_FILE} bytes`, {
    code: "ERR_CONFIG_UNREADABLE",
    file,
    mend: "name a rig.yaml",
  });
}

function unreadable(file: string, cause: unknown): ConfigError {
  const system = systemCodeOf(cause);
  const [what, mend] =
    system === "ENOENT"
      ? ["no such file", "name an existing file, or write one with: rigshift init"]
      : system === "EISDIR"
        ? ["is a directory", "name the file in it, such as rig.yaml"]
        : [`cannot be read (${messageOf(cause)})`, "let this user read the file"];
  const code = system === "ENOENT" ? "ERR_CONFIG_MISSING" : "ERR_CONFIG_UNREADABLE";
  return new ConfigError(`${file}: ${what}`, { code, file, mend }, { cause });
}

function parseYaml(source: string, file: string): unknown {
  try {
    const document = parseDocument(source, { logLevel: "error", prettyErrors: true });
    const [fault] = document.errors;
    if (!fault) return document.toJS({ maxAliasCount: 100 });
    throw syntaxError(file, fault.message, fault.linePos?.[0].line);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // Nesting without end overflows the parser's stack, and an alias bomb is refused by it.
    throw syntaxError(file, messageOf(error), undefined);
  }
}

function syntaxError(file: string, message: string, line: number | undefined): ConfigError {
  // The lines after the first repeat the source, which may hold a secret by mistake.
  const what = (message.split("\n", 1)[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
  const place = line === undefined ? file : `${file}:${line}`;
  return new ConfigError(`${place}: not valid YAML: ${what}`, {
    code: "ERR_CONFIG_SYNTAX",
    file,
    ...(line === undefined ? {} : { line }),
    mend: "correct the YAML at this place",
  });
}

function toIssues(issue: z.core.$ZodIssue, value: unknown): ConfigIssue[] {
  const { message, path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: toDotted([...path, key]), got: "an unknown key", wanted: message }));
  }
  return [{ path: toDotted(path), got: describe(valueAt(value, path), path), wanted: message }];
}

const toDotted = (path: readonly PropertyKey[]): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${printable(String(key))}`))
    .join("")
    .replace(/^\./, "");

function describe(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  // A secret written inline, or inside an address, must not reach a log.
  if (path.includes("password") || path.includes("headers")) return "a string";
  return `"${printable(value.replace(/\/\/[^/]*@/, "//…@"))}"`;
}

const printable = (value: string): string => {
  const shown = value.replace(/[^\x20-\x7e…]/g, "?");
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
};
