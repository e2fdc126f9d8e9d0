import { isAbort, messageOf } from "../lib/errors.ts";
import { withDeadline } from "../lib/wait.ts";
import { type Millis, seconds } from "../units/time.ts";
import type { BenchEvent, BenchRequest } from "./bench.ts";
import { ApiError } from "./errors.ts";
import { readLines } from "./lines.ts";
import type { EnergyBucket } from "./routes.ts";
import type {
  CurtailRequest,
  CurtailView,
  DecisionView,
  EnergySlotView,
  ErrorView,
  GpuView,
  HealthView,
  JobView,
  ModeRequest,
  ModeView,
  ReadyView,
  RigEvent,
  RigView,
  TransitionView,
  ValuationView,
} from "./shapes.ts";
import { createSseParser, type SseItem } from "./sse.ts";

export interface ClientOptions {
  /** Origin of the agent, such as `http://127.0.0.1:7410`; empty in the page, which talks to its own origin. */
  readonly baseUrl: string;
  /** Sent with writes only, which alone need it on loopback. */
  readonly token?: () => string | undefined;
  /** Sends the token with reads as well, which an agent off loopback wants. */
  readonly authorizeReads?: boolean;
  /** Told what each answer should be; throws when it is not. The page leaves it out and trusts its own origin. */
  readonly check?: (answer: AnswerName, body: unknown) => void;
  /** For one whole read or write; a stream has none. */
  readonly timeout?: Millis;
  readonly fetch?: typeof fetch;
}

/** A live event, or only the sign that the agent is still there. */
export type LiveItem =
  | { readonly kind: "event"; readonly id: number | null; readonly event: RigEvent }
  | { readonly kind: "alive" };

export interface EnergyQuery {
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly bucket?: EnergyBucket;
}

/** What `check` is told that an answer should be. */
export type AnswerName =
  | "health"
  | "rig"
  | "gpus"
  | "ready"
  | "valuations"
  | "decisions"
  | "jobs"
  | "transitions"
  | "energy"
  | "mode"
  | "curtail"
  | "bench";

const post = (body: unknown) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** The agent's HTTP API, typed. Faults are `ApiError`s that keep the agent's own code and mend. */
export interface RigClient {
  health(signal: AbortSignal): Promise<HealthView>;
  rig(signal: AbortSignal): Promise<RigView>;
  gpus(signal: AbortSignal): Promise<readonly GpuView[]>;
  ready(signal: AbortSignal): Promise<ReadyView>;
  valuations(signal: AbortSignal): Promise<readonly ValuationView[]>;
  decisions(limit: number, signal: AbortSignal): Promise<readonly DecisionView[]>;
  jobs(query: { readonly limit: number; readonly before?: number }, signal: AbortSignal): Promise<readonly JobView[]>;
  transitions(limit: number, signal: AbortSignal): Promise<readonly TransitionView[]>;
  energy(query: EnergyQuery, signal: AbortSignal): Promise<readonly EnergySlotView[]>;
  metrics(signal: AbortSignal): Promise<string>;
  setMode(request: ModeRequest, signal: AbortSignal): Promise<ModeView>;
  curtail(request: CurtailRequest, signal: AbortSignal): Promise<CurtailView>;
  /** What a benchmark tells until its end; broken off when `signal` fires or nobody reads on. */
  bench(request: BenchRequest, signal: AbortSignal): AsyncGenerator<BenchEvent, void>;
  /** Live events; `afterId` 0 begins with all still in memory, absent with a snapshot. Ends when the agent ends it. */
  events(afterId: number | undefined, signal: AbortSignal): AsyncGenerator<LiveItem, void>;
}

const isErrorView = (value: unknown): value is ErrorView =>
  typeof value === "object" &&
  value !== null &&
  "error" in value &&
  typeof value.error === "object" &&
  value.error !== null &&
  "code" in value.error &&
  typeof value.error.code === "string" &&
  value.error.code.startsWith("ERR_") &&
  "message" in value.error &&
  typeof value.error.message === "string" &&
  "mend" in value.error &&
  (value.error.mend === null || typeof value.error.mend === "string");

const NOT_AN_AGENT = "see that a Rigshift agent of this version listens there, and nothing else";

async function toRefusal(response: Response): Promise<ApiError> {
  const body: unknown = await readJson(response).catch(() => undefined);
  const { status } = response;
  if (!isErrorView(body))
    return new ApiError(`the answer was HTTP ${status}`, { code: "ERR_API_ANSWER", status, mend: NOT_AN_AGENT });
  const { code, message, mend } = body.error;
  return new ApiError(message, { code: code as `ERR_${string}`, status, ...(mend !== null && { mend }) });
}

/** A year of energy is a few megabytes; more is not our agent. */
const GREATEST_ANSWER_CHARS = 32 * 1024 * 1024;

async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
      if (text.length > GREATEST_ANSWER_CHARS) throw new SyntaxError("it is too long");
    }
  } finally {
    // The reader may already be gone with its connection, which is all that cancelling would achieve.
    await reader?.cancel().catch(() => undefined);
  }
}

const readJson = async (response: Response): Promise<unknown> => JSON.parse(await readText(response));

function toFault(error: unknown, baseUrl: string): unknown {
  if (error instanceof ApiError || isAbort(error)) return error;
  if (error instanceof Error && error.name === "TimeoutError")
    return new ApiError("the agent did not answer in time", {
      code: "ERR_API_TIMEOUT",
      mend: "try again; if it stays so, see the agent's log",
      retryable: true,
    });
  if (error instanceof SyntaxError)
    return new ApiError("the answer is not JSON", { code: "ERR_API_ANSWER", mend: NOT_AN_AGENT }, { cause: error });
  const where = baseUrl === "" ? "" : ` on ${baseUrl}`;
  return new ApiError(
    // What fetch throws only says that it failed; why is in its cause.
    `no agent answers${where}: ${messageOf((error instanceof Error && error.cause) || error)}`,
    { code: "ERR_API_UNREACHABLE", mend: "start it with `rigshift start`", retryable: true },
    { cause: error },
  );
}

const toQuery = (values: Readonly<Record<string, string | number | undefined>>): string => {
  const entries = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)] as [string, string]],
  );
  return entries.length === 0 ? "" : `?${new URLSearchParams(entries)}`;
};

function parseLive(item: SseItem): LiveItem {
  if (item.kind === "comment") return { kind: "alive" };
  const id = item.id === null || item.id === "" ? null : Number(item.id);
  return { kind: "event", id, event: JSON.parse(item.data) as RigEvent };
}

async function* readLive(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveItem, void> {
  const parser = createSseParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const item of parser.push(decoder.decode(value, { stream: true }))) yield parseLive(item);
    }
  } finally {
    // The reader may already be gone with its connection, which is all that cancelling would achieve.
    await reader.cancel().catch(() => undefined);
  }
}

type Ask = (path: string, init: RequestInit & { readonly signal: AbortSignal }) => Promise<Response>;

function createAsk({ baseUrl, token, authorizeReads = false, fetch: ask = fetch }: ClientOptions): Ask {
  return async (path, init) => {
    const secret = authorizeReads || init.method === "POST" ? token?.() : undefined;
    const headers = { ...init.headers, ...(secret !== undefined && { authorization: `Bearer ${secret}` }) };
    const response = await ask(`${baseUrl}${path}`, { ...init, headers, redirect: "error" });
    if (!response.ok && path !== "/readyz") throw await toRefusal(response);
    return response;
  };
}

async function* streamEvents(ask: Ask, baseUrl: string, afterId: number | undefined, signal: AbortSignal) {
  try {
    const headers = { accept: "text/event-stream", ...(afterId !== undefined && { "last-event-id": String(afterId) }) };
    const response = await ask("/api/v1/events", { headers, signal, cache: "no-store" });
    if (response.body) yield* readLive(response.body);
  } catch (error) {
    throw toFault(error, baseUrl);
  }
}

async function* streamBench({ baseUrl, check }: ClientOptions, ask: Ask, request: BenchRequest, signal: AbortSignal) {
  try {
    const response = await ask("/api/v1/bench", { ...post(request), signal });
    if (response.body === null) return;
    for await (const line of readLines(response.body)) {
      const event: unknown = JSON.parse(line);
      check?.("bench", event);
      yield event as BenchEvent;
    }
  } catch (error) {
    throw toFault(error, baseUrl);
  }
}

/** Works in the page and in Node; holds no connection of its own beyond running calls. */
export function createClient(options: ClientOptions): RigClient {
  const { baseUrl, timeout = seconds(10), check = () => undefined } = options;
  const ask = createAsk(options);

  const send = async <T>(path: string, init: RequestInit, signal: AbortSignal, take: (r: Response) => Promise<T>) => {
    try {
      return await take(await ask(path, { ...init, signal: withDeadline(signal, timeout) }));
    } catch (error) {
      throw toFault(error, baseUrl);
    }
  };
  const take =
    <T>(name: AnswerName) =>
    async (response: Response): Promise<T> => {
      const body = await readJson(response);
      check(name, body);
      return body as T;
    };
  const read = <T>(name: AnswerName, path: string, signal: AbortSignal): Promise<T> =>
    send(path, {}, signal, take<T>(name));

  return {
    health: (signal) => read("health", "/healthz", signal),
    rig: (signal) => read("rig", "/api/v1/rig", signal),
    gpus: (signal) => read("gpus", "/api/v1/gpus", signal),
    ready: (signal) => read("ready", "/readyz", signal),
    valuations: (signal) => read("valuations", "/api/v1/valuations", signal),
    decisions: (limit, signal) => read("decisions", `/api/v1/decisions${toQuery({ limit })}`, signal),
    jobs: (query, signal) => read("jobs", `/api/v1/jobs${toQuery(query)}`, signal),
    transitions: (limit, signal) => read("transitions", `/api/v1/transitions${toQuery({ limit })}`, signal),
    energy: ({ fromMs, toMs, bucket }, signal) =>
      read("energy", `/api/v1/energy${toQuery({ from: fromMs, to: toMs, bucket })}`, signal),
    metrics: (signal) => send("/metrics", {}, signal, readText),
    setMode: (request, signal) => send("/api/v1/mode", post(request), signal, take<ModeView>("mode")),
    curtail: (request, signal) => send("/api/v1/curtail", post(request), signal, take<CurtailView>("curtail")),
    bench: (request, signal) => streamBench(options, ask, request, signal),
    events: (afterId, signal) => streamEvents(ask, baseUrl, afterId, signal),
  };
}
