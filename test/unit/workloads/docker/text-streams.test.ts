import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demultiplex, forEachLine, toLines } from "../../../../src/workloads/docker/text-streams.ts";

const frame = (side: 1 | 2, text: string): Buffer => {
  const body = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = side;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
};

async function split(bytes: Buffer, cuts: readonly number[]) {
  const stream = new PassThrough();
  const { stdout, stderr } = demultiplex(stream);
  const lines: { out: string[]; err: string[] } = { out: [], err: [] };
  const ends = [
    forEachLine(stdout, 1000, (line) => lines.out.push(line)),
    forEachLine(stderr, 1000, (line) => lines.err.push(line)),
  ];
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    stream.write(bytes.subarray(from, cut));
    from = Math.max(from, cut);
  }
  stream.end(bytes.subarray(from));
  await Promise.all(ends);
  return lines;
}

describe("the Engine's multiplexed stream", () => {
  test("is taken apart wherever the network cuts it", async () => {
    const bytes = Buffer.concat([
      frame(1, "one\ntw"),
      frame(2, "oops\n"),
      frame(1, "o\n"),
      frame(1, ""),
      frame(2, "more"),
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        expect(await split(bytes, cuts)).toEqual({ out: ["one", "two"], err: ["oops", "more"] });
      }),
      { numRuns: 50 },
    );
  });

  test("ends at a frame that no Engine would send", async () => {
    const header = Buffer.from([1, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
    expect(await split(Buffer.concat([frame(1, "good\n"), header, Buffer.alloc(64)]), [])).toEqual({
      out: ["good"],
      err: [],
    });
  });

  test("read whole keeps the order in which the lines were written", () => {
    const bytes = Buffer.concat([frame(1, "one\n"), frame(2, "two\n"), frame(1, "\nthree")]);
    expect(toLines(bytes)).toEqual(["one", "two", "three"]);
    expect(toLines(bytes.subarray(0, 5))).toEqual([]);
  });
});
