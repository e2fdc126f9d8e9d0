import { toPrintable } from "../lib/errors.ts";

/** Commander's words about a command line as the one line of every fault: what, code, mend. */
export function sayWrongUse(text: string, args: readonly string[]): string {
  const [what, mend] = toParts(toPrintable(text.replace(/^error: /, "").trim()), args);
  return `rigshift: ${what} (ERR_USAGE): ${mend}\n`;
}

function toParts(text: string, args: readonly string[]): readonly [what: string, mend: string] {
  const meant = /^(.*?) *\(Did you mean (.+?)\?\)$/.exec(text);
  if (meant?.[1] !== undefined) return [meant[1], `did you mean ${meant[2]}? Else see --help`];
  const refused = /^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. (.+)$/.exec(text);
  if (refused?.[1] !== undefined) return [`${refused[1]}: got ${JSON.stringify(refused[2])}`, refused[3] ?? ""];
  const file = /^too many arguments/.test(text) ? args.find((arg) => /\.ya?ml$/.test(arg)) : undefined;
  return [text, file === undefined ? "see --help" : `name the file with --config ${file}`];
}
