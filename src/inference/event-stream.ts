import { z } from "zod";
import { InferenceError } from "./errors.ts";

/** The engine's own token counts. */
export interface Usage {
  readonly tokensIn: number;
  readonly tokensOut: number;
}

export interface StreamEvent {
  readonly bytes: Uint8Array;
  /** Only in the event that carries it. */
  readonly usage?: Usage;
  /** True for an event that holds usage and nothing to read. */
  readonly usageOnly: boolean;
  /** True for an event that brings something to read: about one token each. */
  readonly hasText: boolean;
}

const MAX_EVENT_BYTES = 1 << 20;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

const count = z.int().nonnegative();
const usageSchema = z.object({ prompt_tokens: count, completion_tokens: count.optional() });
const eventSchema = z.object({ choices: z.array(z.unknown()).optional(), usage: usageSchema.nullish() });

/** Reads `usage` from a parsed body or event; absent when the engine gave none that makes sense. */
export const readUsage = (body: unknown): Usage | undefined => inspectBody(body).usage;

/**
 * Cuts an engine's byte stream into whole server-sent events, which end with an empty line; one over 1 MiB is a fault.
 * All bytes come out as they came in, an unfinished event at the end included.
 */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>, url: string): AsyncGenerator<StreamEvent> {
  let pending: Uint8Array[] = [];
  let size = 0;
  let isBlankLine = true;
  const keep = (part: Uint8Array) => {
    size += part.length;
    if (size > MAX_EVENT_BYTES)
      throw new InferenceError("the engine sent an endless event", { code: "ERR_ENGINE_ANSWER", url });
    pending.push(part);
  };
  const take = (): StreamEvent => {
    const bytes = Buffer.concat(pending);
    pending = [];
    size = 0;
    return { bytes, hasText: hasText(bytes), ...inspect(bytes) };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === LINE_FEED && isBlankLine) {
        keep(chunk.subarray(start, at + 1));
        yield take();
        start = at + 1;
      } else if (byte !== CARRIAGE_RETURN) isBlankLine = byte === LINE_FEED;
    }
    keep(chunk.subarray(start));
  }
  if (size > 0) yield take();
}

type Counted = Pick<StreamEvent, "usage" | "usageOnly">;

const hasText = (event: Buffer): boolean =>
  (event.includes('"content":"') && !event.includes('"content":""')) ||
  (event.includes('"text":"') && !event.includes('"text":""'));

/** Parses only the rare event that names usage, so that tokens pass at the cost of a substring search. */
function inspect(event: Buffer): Counted {
  if (!event.includes('"usage"')) return { usageOnly: false };
  try {
    return inspectBody(JSON.parse(dataOf(event.toString("utf8"))));
  } catch {
    // Not ours to judge: the client gets the engine's bytes as they are.
    return { usageOnly: false };
  }
}

const dataOf = (event: string): string =>
  event
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice("data:".length))
    .join("\n");

function inspectBody(body: unknown): Counted {
  const parsed = eventSchema.safeParse(body);
  if (!parsed.success || !parsed.data.usage) return { usageOnly: false };
  const { choices, usage } = parsed.data;
  return {
    usage: { tokensIn: usage.prompt_tokens, tokensOut: usage.completion_tokens ?? 0 },
    usageOnly: choices?.length === 0,
  };
}
