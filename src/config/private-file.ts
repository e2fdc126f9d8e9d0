import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { messageOf } from "../lib/errors.ts";

/** What a file that holds secrets gave, or why it is not to be trusted and what mends it. */
export type PrivateFile =
  | { readonly kind: "read"; readonly text: string }
  | { readonly kind: "refused"; readonly why: string; readonly mend: string; readonly cause?: unknown };

const OTHERS = 0o077;

/** Reads a file of at most `maxBytes` that its owner alone may open; refuses one that the group or others can. */
export function readPrivateFile(path: string, maxBytes: number): PrivateFile {
  let file: number;
  try {
    // Without O_NONBLOCK a named pipe would hold the start for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const mend = `make ${path} a file that this user can read`;
    return { kind: "refused", why: `cannot be read: ${messageOf(cause)}`, mend, cause };
  }
  try {
    const facts = fstatSync(file);
    const objection = objectTo(path, facts, maxBytes);
    return objection ?? { kind: "read", text: readFileSync(file, "utf8") };
  } finally {
    closeSync(file);
  }
}

function objectTo(
  path: string,
  facts: { readonly mode: number; readonly size: number; isFile(): boolean },
  maxBytes: number,
): PrivateFile | undefined {
  if (!facts.isFile()) return { kind: "refused", why: "is not a plain file", mend: "name a file" };
  if ((facts.mode & OTHERS) !== 0)
    return { kind: "refused", why: "can be read by others", mend: `run: chmod 600 ${path}` };
  if (facts.size > maxBytes)
    return { kind: "refused", why: `is longer than ${maxBytes} bytes`, mend: "name the right file" };
  return undefined;
}
