import { randomUUID } from "node:crypto";
import { isAbort, messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { requestWorth, type TokenPrices } from "../valuation/inference.ts";
import type { InferenceAnswer, InferencePort, InferenceRoute, OpenAiError } from "./answer.ts";
import type { CompletionBook, CompletionEnd } from "./completion-book.ts";
import { type EngineAnswer, postToEngine, readJson } from "./engines/openai-http.ts";
import { readEvents, readUsage, type Usage } from "./event-stream.ts";
import type { Admittance, GpuPort, Grant } from "./gpu-port.ts";
import { type InferenceRequest, parseRequest } from "./request.ts";

/** A model that this rig serves, at its price. */
export interface Service {
  readonly model: string;
  readonly label?: string;
  readonly contextTokens?: number;
  readonly prices: TokenPrices;
  /** Output tokens expected of a request that names no limit. */
  readonly usualTokensOut: number;
}

export interface GatewayParts {
  /** What is served now; undefined until the engine has named its model. */
  readonly service: () => Service | undefined;
  readonly gpus: GpuPort;
  readonly book: CompletionBook;
  readonly logger: Logger;
  /** Told of a fault that no request can be answered with, such as a ledger that cannot be written. */
  readonly onFault: (error: unknown) => void;
}

/** Admits, meters and books every request, and passes the engine's bytes through. Holds no state between requests. */
export function createGateway(parts: GatewayParts): InferencePort {
  return {
    models: () => listModels(parts.service()),
    answer: (route, body, signal) => {
      const parsed = parseRequest(route, body);
      if (parsed.kind === "refused") return Promise.resolve(parsed);
      const { request } = parsed;
      const service = parts.service();
      if (service === undefined) return Promise.resolve(refuse(NO_ENGINE));
      if (request.model !== service.model) return Promise.resolve(refuse(unknownModel(request.model, service.model)));
      return admit(parts, { route, service, request, signal });
    },
  };
}

interface Call {
  readonly route: InferenceRoute;
  readonly service: Service;
  readonly request: InferenceRequest;
  readonly signal: AbortSignal;
}

/** A call that holds a GPU until `finish`; only the first call of `finish` counts. */
interface OpenCall extends Call {
  readonly grant: Grant;
  readonly finish: (end: CompletionEnd) => Promise<void>;
}

const CANCELLED: CompletionEnd = { outcome: "cancelled", reason: "the client went away" };

async function admit(parts: GatewayParts, call: Call): Promise<InferenceAnswer> {
  const { request, service, signal } = call;
  const jobId = `cmpl-${randomUUID()}`;
  const tokensOut = request.maxTokens ?? service.usualTokensOut;
  const worth = requestWorth(request.tokensInGuess, tokensOut, service.prices);
  const ticket = parts.gpus.enqueue({ jobId, worth }, signal);
  parts.book.queued(jobId, ticket.gpu, service.model);
  const admittance = await ticket.admitted;
  if (admittance.kind === "aborted") {
    parts.book.end(jobId, { outcome: "cancelled", reason: "the client went away while waiting" });
    return refuse(CLIENT_GONE);
  }
  if (admittance.kind === "refused") {
    parts.book.end(jobId, { outcome: "expired", reason: admittance.why });
    return refuse(overloaded(admittance));
  }
  const { grant } = admittance;
  parts.book.running(jobId);
  let finished: Promise<void> | undefined;
  const close = async (end: CompletionEnd): Promise<void> => {
    await grant.release(end.usage?.tokensOut);
    parts.book.end(jobId, end, service.prices);
  };
  const finish = (end: CompletionEnd): Promise<void> => {
    finished ??= close(end);
    return finished;
  };
  return run(parts, { ...call, grant, finish });
}

async function run(parts: GatewayParts, call: OpenCall): Promise<InferenceAnswer> {
  const { grant, request, route, signal } = call;
  try {
    const stop = AbortSignal.any([signal, grant.revoked]);
    const answer = await postToEngine(grant.engine, route, request.body, stop);
    if (answer.stream) {
      // A client that leaves before the first chunk never starts the generator, whose `finally` would then not run.
      signal.addEventListener("abort", () => call.finish(CANCELLED).catch(parts.onFault), { once: true });
      return { kind: "stream", chunks: passEvents(parts, call, answer) };
    }
    const body = await readJson(answer, `${grant.engine}${route}`);
    await call.finish(endOf(answer.status, readUsage(body)));
    return { kind: "json", status: answer.status, body };
  } catch (error) {
    await call.finish(failureOf(call, error));
    if (!isAbort(error)) parts.logger.warn("the engine failed a request", { reason: messageOf(error) });
    return refuse(signal.aborted ? CLIENT_GONE : ENGINE_FAILED);
  }
}

async function* passEvents(parts: GatewayParts, call: OpenCall, answer: EngineAnswer): AsyncGenerator<Uint8Array> {
  let usage: Usage | undefined;
  let end = CANCELLED;
  try {
    for await (const event of readEvents(answer.chunks, call.grant.engine)) {
      usage = event.usage ?? usage;
      if (!event.usageOnly || call.request.wantsUsage) yield event.bytes;
    }
    end = endOf(answer.status, usage);
  } catch (error) {
    end = failureOf(call, error);
    if (!isAbort(error)) parts.logger.warn("the engine failed a stream", { reason: messageOf(error) });
    if (!call.signal.aborted) yield new TextEncoder().encode(`data: ${JSON.stringify(errorBody(ENGINE_FAILED))}\n\n`);
  } finally {
    await call.finish(usage === undefined ? end : { ...end, usage });
  }
}

const endOf = (status: number, usage: Usage | undefined): CompletionEnd => ({
  ...(status === 200
    ? { outcome: "completed" as const }
    : { outcome: "failed" as const, reason: `the engine answered ${status}` }),
  ...(usage === undefined ? {} : { usage }),
});

function failureOf(call: OpenCall, error: unknown): CompletionEnd {
  if (call.signal.aborted) return CANCELLED;
  if (call.grant.revoked.aborted) return { outcome: "interrupted", reason: "the drain deadline passed" };
  return { outcome: "failed", reason: messageOf(error) };
}

function listModels(service: Service | undefined): unknown {
  if (service === undefined) return { object: "list", data: [] };
  const { model, label, contextTokens, prices } = service;
  const meta = {
    ...(label === undefined ? {} : { label }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    usdPerMillionTokensIn: prices.input,
    usdPerMillionTokensOut: prices.output,
  };
  return { object: "list", data: [{ id: model, object: "model", created: 0, owned_by: "rigshift", meta }] };
}

/** The body OpenAI's clients expect of an error. */
const errorBody = ({ code, type, message, param }: OpenAiError) => ({
  error: { message, type, param: param ?? null, code },
});

const refuse = (error: OpenAiError): InferenceAnswer => ({ kind: "refused", error });

const NO_ENGINE: OpenAiError = {
  status: 503,
  code: "engine_not_ready",
  type: "server_error",
  message: "no engine is ready on this rig",
  retryAfterS: 5,
};
const ENGINE_FAILED: OpenAiError = {
  status: 502,
  code: "engine_failed",
  type: "server_error",
  message: "the engine failed this request",
  retryAfterS: 1,
};
/** Nobody reads this: the connection is gone. */
const CLIENT_GONE: OpenAiError = {
  status: 499,
  code: "client_closed_request",
  type: "invalid_request_error",
  message: "the client went away",
};

const unknownModel = (asked: string, served: string): OpenAiError => ({
  status: 404,
  code: "model_not_found",
  type: "invalid_request_error",
  message: `the model ${JSON.stringify(asked)} is not served here; ask for ${JSON.stringify(served)}`,
  param: "model",
});

const overloaded = ({ reason, why, retryAfter }: Extract<Admittance, { kind: "refused" }>): OpenAiError => ({
  status: reason === "queue-full" ? 429 : 503,
  code: reason.replaceAll("-", "_"),
  type: reason === "queue-full" ? "rate_limit_error" : "server_error",
  message: why,
  retryAfterS: Math.max(1, Math.ceil(retryAfter / 1000)),
});
