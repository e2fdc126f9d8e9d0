import type { Readable } from "node:stream";

/**
 * Reads `stream` to its end and calls `onLine` for every line. A line is cut at `longest` characters, and what follows
 * of it is dropped, so a child that never ends a line cannot fill the memory.
 */
export function readLines(stream: Readable, longest: number, onLine: (line: string) => void): void {
  const decoder = new TextDecoder();
  let rest = "";
  const take = (text: string) => {
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      onLine((rest + line).slice(0, longest));
      rest = "";
    }
    rest = (rest + last).slice(0, longest);
  };
  stream.on("data", (chunk: Uint8Array) => take(decoder.decode(chunk, { stream: true })));
  // A broken pipe is the end of the stream; how the child ended is told by its exit.
  stream.on("error", () => {});
  stream.on("close", () => {
    if (rest !== "") onLine(rest);
    rest = "";
  });
}

/** `text` without anything that could move a terminal's cursor or forge a log line, at most `longest` characters. */
export const printable = (text: string, longest: number): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, longest);
