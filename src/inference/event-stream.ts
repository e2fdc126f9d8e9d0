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
}

const MAX_EVENT_BYTES = 1 << 20;
const END_OF_EVENT = "\n\n";

const count = z.int().nonnegative();
const usageSchema = z.object({ prompt_tokens: count, completion_tokens: count.optional() });
const eventSchema = z.object({ choices: z.array(z.unknown()).optional(), usage: usageSchema.nullish() });

/** Reads `usage` from a parsed body or event; absent when the engine gave none that makes sense. */
export function readUsage(body: unknown): Usage | undefined {
  const parsed = eventSchema.safeParse(body);
  const usage = parsed.success ? parsed.data.usage : undefined;
  return usage ? { tokensIn: usage.prompt_tokens, tokensOut: usage.completion_tokens ?? 0 } : undefined;
}

/** Cuts an engine's byte stream into whole server-sent events; one over 1 MiB is a fault. */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>, url: string): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let text = "";
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    let end = text.indexOf(END_OF_EVENT);
    while (end >= 0) {
      const event = text.slice(0, end + END_OF_EVENT.length);
      text = text.slice(event.length);
      yield { bytes: encoder.encode(event), ...inspect(event) };
      end = text.indexOf(END_OF_EVENT);
    }
    if (text.length > MAX_EVENT_BYTES)
      throw new InferenceError("the engine sent an endless event", { code: "ERR_ENGINE_ANSWER", url });
  }
}

/** Parses only the rare event that names usage, so that tokens pass at the cost of a substring search. */
function inspect(event: string): { usage?: Usage; usageOnly: boolean } {
  if (!event.startsWith("data: ") || !event.includes('"usage"')) return { usageOnly: false };
  let body: unknown;
  try {
    body = JSON.parse(event.slice("data: ".length));
  } catch {
    // Not ours to judge: the client gets the engine's bytes as they are.
    return { usageOnly: false };
  }
  const usage = readUsage(body);
  if (usage === undefined) return { usageOnly: false };
  const parsed = eventSchema.safeParse(body);
  return { usage, usageOnly: parsed.success && parsed.data.choices?.length === 0 };
}
