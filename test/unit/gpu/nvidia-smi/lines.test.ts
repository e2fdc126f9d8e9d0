import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readWholeLines } from "../../../../src/gpu/nvidia-smi/lines.ts";

async function linesOf(chunks: readonly (string | Uint8Array)[], longest = 100): Promise<readonly string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  readWholeLines(stream, longest, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await new Promise((resolve) => stream.once("close", resolve));
  return lines;
}

test("lines come whole however they were cut on the way", async () => {
  expect(await linesOf(["a, 1\nb", ", 2", "\n\nc\n"])).toEqual(["a, 1", "b, 2", "", "c"]);
});

test("a character that was cut in two is put together", async () => {
  const bytes = new TextEncoder().encode("Grün\n");
  expect(await linesOf([bytes.subarray(0, 3), bytes.subarray(3)])).toEqual(["Grün"]);
});

test("the last line is dropped when its end is missing, for it may be half a number", async () => {
  expect(await linesOf(["power, 125\npower, 12"])).toEqual(["power, 125"]);
});

test("a line that is too long is dropped whole, and the next one is read", async () => {
  expect(await linesOf(["x".repeat(80), "x".repeat(80), "x\nshort\n"])).toEqual(["short"]);
  expect(await linesOf([`${"x".repeat(101)}\nshort\n`])).toEqual(["short"]);
});
