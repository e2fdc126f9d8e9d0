import { readFileSync, statSync } from "node:fs";
import { messageOf } from "../lib/errors.ts";
import { ConfigError } from "./errors.ts";
import type { SecretReference } from "./fields.ts";

const LONGEST_SECRET = 4096;

/** Reads the secret itself, without the line end a text editor leaves; the caller must neither keep nor log it. */
export function readSecret(
  reference: SecretReference,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return "file" in reference ? fromFile(reference.file) : fromEnvironment(reference.env, env);
}

function fromFile(file: string): string {
  let found: string;
  try {
    if (statSync(file).size > LONGEST_SECRET) throw unreadable(file, `longer than ${LONGEST_SECRET} bytes`);
    found = readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw unreadable(file, messageOf(cause), cause);
  }
  if (found === "") throw unreadable(file, "empty");
  return found;
}

function fromEnvironment(name: string, env: Readonly<Record<string, string | undefined>>): string {
  const value = env[name];
  if (value) return value;
  throw unreadable(`$${name}`, "not set");
}

const unreadable = (file: string, why: string, cause?: unknown): ConfigError =>
  new ConfigError(
    `secret ${file}: ${why}`,
    { code: "ERR_SECRET_UNREADABLE", file, mend: "put the secret there, readable for this user only" },
    { cause },
  );
