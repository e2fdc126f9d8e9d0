import { ConfigError } from "./errors.ts";
import type { SecretReference } from "./fields.ts";
import { readPrivateFile } from "./private-file.ts";

const LONGEST_SECRET = 4096;

/** Reads the secret itself, without the line end a text editor leaves; the caller must neither keep nor log it. */
export function readSecret(
  reference: SecretReference,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return "file" in reference ? fromFile(reference.file) : fromEnvironment(reference.env, env);
}

function fromFile(file: string): string {
  const read = readPrivateFile(file, LONGEST_SECRET);
  if (read.kind === "refused") throw unreadable(file, read.why, read.mend, read.cause);
  const found = read.text.replace(/\r?\n$/, "");
  if (found === "") throw unreadable(file, "is empty", "write the secret into it");
  return found;
}

function fromEnvironment(name: string, env: Readonly<Record<string, string | undefined>>): string {
  const value = env[name];
  if (value) return value;
  throw unreadable(`$${name}`, "is not set", "set it for the agent, or name a file instead");
}

const unreadable = (file: string, why: string, mend: string, cause?: unknown): ConfigError =>
  new ConfigError(`secret ${file} ${why}`, { code: "ERR_SECRET_UNREADABLE", file, mend }, { cause });
