import { PassThrough, type Readable } from "node:stream";
import { readLines } from "../lines.ts";

const HEADER = 8;
/** The Engine sends at most 16 KiB at once; anything longer is no answer of an Engine. */
const LONGEST_FRAME = 1 << 20;

/** Splits the Engine's multiplexed stream into the two outputs of a program; memory use is bounded by one frame. */
export function demultiplex(stream: Readable): { readonly stdout: Readable; readonly stderr: Readable } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  let rest: Buffer = Buffer.alloc(0);
  const take = (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER) {
      const length = rest.readUInt32BE(4);
      if (length > LONGEST_FRAME) return void stream.destroy();
      if (rest.length < HEADER + length) return;
      (rest[0] === 2 ? stderr : stdout).write(rest.subarray(HEADER, HEADER + length));
      rest = rest.subarray(HEADER + length);
    }
  };
  const end = () => {
    stdout.end();
    stderr.end();
  };
  stream.on("data", take).once("end", end).once("close", end).once("error", end);
  return { stdout, stderr };
}

/** Calls `onLine` for every line of `stream`; resolves at its end. */
export function forEachLine(stream: Readable, longest: number, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve) => {
    readLines(stream, longest, onLine);
    stream.once("close", () => resolve());
  });
}

/** The lines of a whole multiplexed answer, in the order in which they were written. */
export function toLines(answer: Uint8Array | string): readonly string[] {
  const bytes = Buffer.from(answer);
  let text = "";
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    text += bytes.toString("utf8", at + HEADER, at + HEADER + length);
    at += HEADER + length;
  }
  return text.split("\n").filter((line) => line.trim() !== "");
}
