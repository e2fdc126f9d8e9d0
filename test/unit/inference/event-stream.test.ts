import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEvents, readUsage, type StreamEvent } from "../../../src/inference/event-stream.ts";
import { collect } from "../../support/collect.ts";

const URL = "http://127.0.0.1:1/v1/chat/completions";

async function* chunksOf(chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
}

const read = (...chunks: readonly (string | Uint8Array)[]): Promise<StreamEvent[]> =>
  collect(readEvents(chunksOf(chunks), URL));
const text = ({ bytes }: StreamEvent): string => Buffer.from(bytes).toString("utf8");

const STREAM = [
  'data: {"choices":[{"delta":{"content":"Grüße 👩‍🚀"}}]}\n\n',
  ": a comment keeps the line open\n\n",
  'event: delta\r\nid: 7\r\ndata: {"choices":[{"delta":{"content":"\\n\\n"}}]}\r\n\r\n',
  'data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34}}\n\n',
  "data: [DONE]\n\n",
];
const BYTES = Buffer.from(STREAM.join(""));

describe("cutting a stream into events", () => {
  test("gives the same events wherever the network cut the bytes in two", async () => {
    for (let at = 0; at <= BYTES.length; at++) {
      const events = await read(BYTES.subarray(0, at), BYTES.subarray(at));
      expect(events.map(text), `cut at byte ${at}`).toEqual(STREAM);
      expect(events[3]?.usage, `cut at byte ${at}`).toEqual({ tokensIn: 12, tokensOut: 34 });
    }
  });

  test("gives the same events byte by byte", async () => {
    const events = await read(...[...BYTES].map((byte) => Uint8Array.of(byte)));
    expect(events.map(text)).toEqual(STREAM);
  });

  test("gives the same events however the bytes were cut", async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: BYTES.length }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const edges = [0, ...places.sort((a, b) => a - b), BYTES.length];
        const chunks = edges.slice(1).map((end, index) => BYTES.subarray(edges[index], end));
        expect((await read(...chunks)).map(text)).toEqual(STREAM);
      }),
    );
  });

  test("loses and changes no byte, whatever an engine sends", async () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(10, 13, 10, 100), fc.nat(255)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 6 }), async (chunks) => {
        const events = await read(...chunks.map((chunk) => Uint8Array.from(chunk)));
        expect(Buffer.concat(events.map((event) => event.bytes))).toEqual(Buffer.from(chunks.flat()));
      }),
    );
  });

  test("an event that the engine did not finish comes out as far as it came", async () => {
    expect((await read("data: 1\n\ndata: [DONE]\n")).map(text)).toEqual(["data: 1\n\n", "data: [DONE]\n"]);
  });

  test("no bytes are no events", async () => {
    expect(await read()).toEqual([]);
    expect(await read("", new Uint8Array())).toEqual([]);
  });
});

describe("an event over a mebibyte", () => {
  const HUGE = "x".repeat(600_000);

  test("is a fault while it still comes in, so that it never fills the memory", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent++;
        yield await Promise.resolve(Buffer.from(HUGE));
      }
    }
    await expect(collect(readEvents(endless(), URL))).rejects.toMatchObject({
      message: "the engine sent an endless event",
      facts: { code: "ERR_ENGINE_ANSWER", url: URL },
    });
    expect(sent).toBe(2);
  });

  test("is a fault also when its end came with the same chunk", async () => {
    await expect(read(HUGE, `${HUGE}\n\n`)).rejects.toMatchObject({ facts: { code: "ERR_ENGINE_ANSWER" } });
  });

  test("is told from many small ones that are more together", async () => {
    expect(await read(...Array(4).fill(`data: ${HUGE}\n\n`))).toHaveLength(4);
  });
});

describe("what an event counts", () => {
  const events: readonly [string, string, Partial<StreamEvent>][] = [
    [
      "an event with usage and no choices only counts",
      'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n',
      { usage: { tokensIn: 3, tokensOut: 4 }, usageOnly: true },
    ],
    [
      "one with text in it is for reading, too",
      'data: {"choices":[{}],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n',
      { usage: { tokensIn: 3, tokensOut: 4 }, usageOnly: false },
    ],
    [
      "a space after the colon is optional, as the standard says",
      'data:{"choices":[],"usage":{"prompt_tokens":3}}\n\n',
      { usage: { tokensIn: 3, tokensOut: 0 }, usageOnly: true },
    ],
    [
      "other fields may stand before the data",
      'event: end\r\nid: 9\r\ndata: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\r\n\r\n',
      { usage: { tokensIn: 1, tokensOut: 1 }, usageOnly: true },
    ],
    [
      "data may stand on several lines",
      'data: {"choices":[],\ndata: "usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n',
      { usage: { tokensIn: 1, tokensOut: 1 }, usageOnly: true },
    ],
    ["no usage yet", 'data: {"choices":[],"usage":null}\n\n', { usageOnly: false }],
    ['text that speaks of "usage"', 'data: {"choices":[{"text":"the word \\"usage\\""}]}\n\n', { usageOnly: false }],
    ["a comment that speaks of it", ': "usage"\n\n', { usageOnly: false }],
    ["garbage that speaks of it", 'data: {"usage":\n\n', { usageOnly: false }],
    ["a negative count", 'data: {"choices":[],"usage":{"prompt_tokens":-3}}\n\n', { usageOnly: false }],
    ["a count of half tokens", 'data: {"choices":[],"usage":{"prompt_tokens":1.5}}\n\n', { usageOnly: false }],
    ["a count beyond all integers", 'data: {"choices":[],"usage":{"prompt_tokens":1e300}}\n\n', { usageOnly: false }],
    ["a count in words", 'data: {"choices":[],"usage":{"prompt_tokens":"12"}}\n\n', { usageOnly: false }],
    ["a list", 'data: ["usage"]\n\n', { usageOnly: false }],
  ];
  test.each(events)("%s", async (_title, bytes, expected) => {
    const [event, ...rest] = await read(bytes);
    expect(rest).toEqual([]);
    const { bytes: _bytes, hasText: _text, ...counted } = event ?? { bytes: undefined, hasText: false };
    expect(counted).toEqual(expected);
  });

  test.each([
    [true, 'data: {"choices":[{"delta":{"content":"a"}}]}'],
    [true, 'data: {"choices":[{"text":"a"}]}'],
    [false, 'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}'],
    [false, 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}'],
    [false, "data: [DONE]"],
  ])("has something to read: %s for %s", async (hasText, line) => {
    expect((await read(`${line}\n\n`))[0]?.hasText).toBe(hasText);
  });

  test("is read from a whole answer in the same way", () => {
    expect(readUsage({ usage: { prompt_tokens: 1, completion_tokens: 2 } })).toEqual({ tokensIn: 1, tokensOut: 2 });
    for (const body of [null, 7, "usage", [], {}, { usage: null }, { usage: {} }, { usage: { completion_tokens: 2 } }])
      expect(readUsage(body)).toBeUndefined();
  });
});
