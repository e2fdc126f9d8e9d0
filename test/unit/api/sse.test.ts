import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSseParser, type SseItem } from "../../../src/api/sse.ts";

const parseAll = (text: string, cuts: readonly number[] = []): readonly SseItem[] => {
  const parser = createSseParser();
  const bounds = [0, ...[...cuts].sort((a, b) => a - b), text.length];
  return bounds.slice(1).flatMap((end, index) => parser.push(text.slice(bounds[index], end)));
};

const STREAM =
  'retry: 2000\n\nid: 7\nevent: rig\ndata: {"a":1}\n\n: alive\n\nid: 8\r\nevent: job\r\ndata: one\r\ndata:two\r\n\r\n';
const ITEMS: readonly SseItem[] = [
  { kind: "event", id: "7", event: "rig", data: '{"a":1}' },
  { kind: "comment" },
  { kind: "event", id: "8", event: "job", data: "one\ntwo" },
];

describe("an event stream", () => {
  test("is read into events and signs of life", () => expect(parseAll(STREAM)).toEqual(ITEMS));

  test("reads the same wherever it is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 12 }), (cuts) => {
        expect(parseAll(STREAM, cuts)).toEqual(ITEMS);
      }),
    );
  });

  test("keeps an unfinished event to itself", () => expect(parseAll("id: 1\ndata: half\n")).toEqual([]));

  test("without a type is a message", () =>
    expect(parseAll("data: x\n\n")).toEqual([{ kind: "event", id: null, event: "message", data: "x" }]));

  test("that never ends an event is given up at 4 MiB", () => {
    const parser = createSseParser();
    const line = `data: ${"x".repeat(1024 * 1024)}\n`;
    expect(() => {
      for (let index = 0; index < 5; index += 1) parser.push(line);
    }).toThrow(RangeError);
    expect(() => createSseParser().push("x".repeat(5 * 1024 * 1024))).toThrow(RangeError);
  });
});
