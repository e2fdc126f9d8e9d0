import type { z } from "zod";

/** The first thing wrong with a value from outside, in words for the one who sent it. */
export interface Objection {
  /** `messages.0.role`; undefined for the value as a whole. */
  readonly path: string | undefined;
  /** The end of "wanted …, got …", or a whole remark of the schema's own. */
  readonly message: string;
}

const LONGEST_SHOWN = 40;

/** What stands at `path` in `value`; never looks at anything inherited. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

/** `value` in a person's words; of a stranger's text only the beginning, and nothing that could steer a terminal. */
export function sayGot(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  if (typeof value !== "string") return String(value);
  const shown = value.replace(/[^\x20-\x7e]/g, "?");
  return `"${shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}…` : shown}"`;
}

/** What a schema says where it has no words of its own. */
const ZOD_OWN = /^Invalid (?:input|option): expected (.*?)(?:, received .*)?$/;

/** What `issue` wanted, in our words also where the schema has none; the end of "wanted …". */
export function sayWanted(issue: z.core.$ZodIssue): string {
  const { message } = issue;
  if (issue.code === "too_small" && message.startsWith("Too small:"))
    return sayBound(issue.origin, issue.inclusive === false ? "more than" : "at least", Number(issue.minimum));
  if (issue.code === "too_big" && message.startsWith("Too big:"))
    return sayBound(issue.origin, issue.inclusive === false ? "less than" : "at most", Number(issue.maximum));
  if (issue.code === "invalid_format" && issue.format === "datetime" && message.startsWith("Invalid "))
    return 'a time such as "2026-11-22T10:00:00Z"';
  return message.replace(ZOD_OWN, "$1");
}

function sayBound(origin: string, relation: string, bound: number): string {
  if (origin === "string") return `a text of ${relation} ${bound} ${bound === 1 ? "character" : "characters"}`;
  if (origin === "array" || origin === "set") return `a list of ${relation} ${bound}`;
  return `a number of ${relation} ${bound}`;
}

/** Puts the first issue into words; an `error` of the schema says what was wanted. */
export function objectionOf(error: z.ZodError, value: unknown): Objection {
  const [issue] = error.issues;
  if (issue === undefined) return { path: undefined, message: "wanted something else" };
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return { path: [...issue.path, key].join("."), message: "there is no such field" };
  }
  const message = `wanted ${sayWanted(issue)}, got ${sayGot(valueAt(value, issue.path))}`;
  return { path: issue.path.join(".") || undefined, message };
}
