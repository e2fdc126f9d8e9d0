import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** One file of `src`, as the tests of the structure see it. */
export interface SourceFile {
  /** From the repository's root, `src/units/time.ts`. */
  readonly path: string;
  /** The folder directly below `src`; the file's own name for `agent.ts`. */
  readonly folder: string;
  readonly lines: number;
  /** Without comments. */
  readonly code: string;
  /** Everything it imports: paths from the root for its own kind, names for packages. Type imports included. */
  readonly imports: readonly string[];
}

export const readRootFile = (name: string): string => readFileSync(join(root, name), "utf8");

export const sourceFiles = (): readonly SourceFile[] =>
  globSync("src/**/*.{ts,tsx}", { cwd: root }).sort().map(readSource);

function readSource(path: string): SourceFile {
  const text = readRootFile(path);
  const code = withoutComments(text);
  const found = code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g);
  const imports = [...found].map(([, target = ""]) => {
    return target.startsWith(".") ? normalize(join(dirname(path), target)) : target;
  });
  return { path, folder: path.split("/")[1] ?? "", lines: text.split("\n").length - 1, code, imports };
}

// Strings come first in the pattern, so that an address inside one is not taken for a comment.
const STRING_OR_COMMENT =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|(?<=^|[\s;,{}()])\/\/[^\n]*/gm;

export const withoutComments = (text: string): string => text.replace(STRING_OR_COMMENT, (_, kept = "") => kept);
