import type { Readable } from "node:stream";

/**
 * Calls `onLine` for every whole line of `stream`. A line longer than `longest` is dropped, and so is a last line
 * without its end: what was cut may look like a smaller number.
 */
export function readWholeLines(stream: Readable, longest: number, onLine: (line: string) => void): void {
  const decoder = new TextDecoder();
  let rest = "";
  let tooLong = false;
  stream.on("data", (chunk: Uint8Array) => {
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      const whole = rest + line;
      if (!tooLong && whole.length <= longest) onLine(whole);
      rest = "";
      tooLong = false;
    }
    rest += last;
    if (rest.length > longest) {
      tooLong = true;
      rest = "";
    }
  });
  // A broken pipe is the end of the stream; how the program ended is told by its exit.
  stream.on("error", () => {});
}
