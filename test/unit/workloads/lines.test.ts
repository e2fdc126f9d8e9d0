import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { expect, test } from "vitest";
import { printable, readLines } from "../../../src/workloads/lines.ts";

async function linesOf(chunks: readonly (string | Uint8Array)[], longest = 100): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, longest, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  return lines;
}

test("lines come out whole however the bytes were cut", async () => {
  const euro = new TextEncoder().encode("€\n");
  expect(await linesOf(["a", "b\nc", "\n\n", euro.slice(0, 2), euro.slice(2)])).toEqual(["ab", "c", "", "€"]);
});

test("the last line needs no line end", async () => {
  expect(await linesOf(["a\nlast words"])).toEqual(["a", "last words"]);
});

test("a line is cut at its longest, and the next one is whole again", async () => {
  expect(await linesOf(["x".repeat(1000), "x".repeat(1000), "\nshort\n"], 10)).toEqual(["x".repeat(10), "short"]);
});

test("control characters and forged line ends become spaces", () => {
  expect(printable("\u001b[31mred\r\nfake=1\u2028next\u202e", 100)).toBe("[31mred fake=1 next");
  expect(printable("abcdef", 3)).toBe("abc");
});
