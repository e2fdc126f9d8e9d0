import { z } from "zod";
import { withDeadline } from "../../lib/wait.ts";
import { type Millis, millis } from "../../units/time.ts";
import type { InferenceRoute } from "../answer.ts";
import { InferenceError } from "../errors.ts";

const SILENCE_LIMIT = millis(120_000);
const WARM_UP_TIMEOUT = millis(60_000);
const MAX_JSON_BYTES = 16 << 20;

const announcementSchema = z.object({
  backend: z.string().max(32),
  model: z.string().min(1).max(200),
  contextTokens: z.int().positive(),
  label: z.string().max(200).nullish(),
  slots: z.int().positive().max(4096).default(1),
});

/** What an engine says of itself when it starts. */
export interface EngineFacts {
  readonly backend: string;
  readonly model: string;
  readonly contextTokens: number;
  readonly label?: string;
  /** How many requests it answers at once; 1 unless it says more. */
  readonly slots: number;
}

/** Parses an engine's announcement; throws `ERR_ENGINE_ANSWER` when it is no such thing. */
export function parseEngineFacts(facts: Readonly<Record<string, unknown>>, url: string): EngineFacts {
  const parsed = announcementSchema.safeParse(facts);
  if (!parsed.success)
    throw new InferenceError("the engine announced itself without backend, model and context", {
      code: "ERR_ENGINE_ANSWER",
      url,
    });
  const { label, ...rest } = parsed.data;
  return label ? { ...rest, label } : rest;
}

export interface EngineAnswer {
  readonly status: number;
  readonly stream: boolean;
  /** Ends with a fault when the engine falls silent. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface EngineCall {
  /** `http://host:port`. */
  readonly base: string;
  readonly route: InferenceRoute;
  readonly body: unknown;
  /** Two minutes when absent. */
  readonly silenceLimit?: Millis;
}

/** Posts the body; headers, and then every next chunk, must come within the silence limit. */
export async function postToEngine(call: EngineCall, signal: AbortSignal): Promise<EngineAnswer> {
  const { base, route, body, silenceLimit = SILENCE_LIMIT } = call;
  const url = `${base}${route}`;
  const watchdog = watchSilence(url, silenceLimit);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, watchdog.signal]),
      redirect: "error",
    });
    const stream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    return { status: response.status, stream, chunks: watched(response, watchdog) };
  } catch (error) {
    watchdog.stop();
    throw error;
  }
}

interface Watchdog {
  readonly signal: AbortSignal;
  kick(): void;
  stop(): void;
}

function watchSilence(url: string, limit: Millis): Watchdog {
  const silence = new AbortController();
  const bark = () =>
    silence.abort(new InferenceError("the engine fell silent", { code: "ERR_ENGINE_ANSWER", url, retryable: true }));
  const timer = setTimeout(bark, limit).unref();
  return { signal: silence.signal, kick: () => timer.refresh(), stop: () => clearTimeout(timer) };
}

async function* watched(response: Response, watchdog: Watchdog): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) {
      watchdog.kick();
      yield chunk;
    }
  } finally {
    watchdog.stop();
  }
}

/** Reads a whole JSON answer of at most 16 MiB. */
export async function readJson(answer: EngineAnswer, url: string): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.chunks) {
    size += part.byteLength;
    if (size > MAX_JSON_BYTES)
      throw new InferenceError("the engine's answer is over 16 MiB", { code: "ERR_ENGINE_ANSWER", url });
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch (cause) {
    throw new InferenceError("the engine's answer is not JSON", { code: "ERR_ENGINE_ANSWER", url }, { cause });
  }
}

/** Asks for one token, so that the first customer does not pay for lazy initialisation. */
export async function warmEngine(base: string, model: string, signal: AbortSignal): Promise<void> {
  const body = { model, prompt: "a", max_tokens: 1 };
  await complete(base, { body, what: "its warm-up with " }, withDeadline(signal, WARM_UP_TIMEOUT));
}

const countedSchema = z.object({ usage: z.object({ completion_tokens: z.int().nonnegative() }) });

/** Has `prompt` continued by at most `maxTokens`; returns how many the engine counted. */
export async function continueText(
  base: string,
  { model, prompt, maxTokens }: { readonly model: string; readonly prompt: string; readonly maxTokens: number },
  signal: AbortSignal,
): Promise<number> {
  const body = { model, prompt, max_tokens: maxTokens };
  const counted = countedSchema.safeParse(await complete(base, { body, what: "" }, signal));
  if (counted.success) return counted.data.usage.completion_tokens;
  throw new InferenceError("the engine does not count its tokens", { code: "ERR_ENGINE_ANSWER", url: base });
}

async function complete(
  base: string,
  { body, what }: { readonly body: unknown; readonly what: string },
  signal: AbortSignal,
): Promise<unknown> {
  const route = "/v1/completions";
  const answer = await postToEngine({ base, route, body }, signal);
  const said = await readJson(answer, `${base}${route}`);
  if (answer.status === 200) return said;
  throw new InferenceError(`the engine answered ${what}${answer.status}`, {
    code: "ERR_ENGINE_ANSWER",
    url: base,
    retryable: true,
  });
}
