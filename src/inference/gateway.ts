import { randomUUID } from "node:crypto";
import { LedgerError } from "../ledger/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { requestWorth, type TokenPrices } from "../valuation/inference.ts";
import type { InferenceAnswer, InferencePort, InferenceRoute, OpenAiError } from "./answer.ts";
import type { CompletionBook, CompletionEnd } from "./completion-book.ts";
import { type EngineAnswer, postToEngine, readJson } from "./engines/openai-http.ts";
import { readEvents, readUsage, type Usage } from "./event-stream.ts";
import type { Admittance, Demand, GpuPort, Grant, Ticket } from "./gpu-port.ts";
import { RefusedClients } from "./refused-clients.ts";
import { type InferenceRequest, parseRequest } from "./request.ts";

/** A model that this rig serves, at its price. */
export interface Service {
  readonly model: string;
  readonly label?: string;
  readonly contextTokens?: number;
  readonly prices: TokenPrices;
  /** Output tokens expected of a request that names no limit. */
  readonly usualTokensOut: number;
  /** What the engine answers at all. */
  readonly routes: ReadonlySet<InferenceRoute>;
  /** What the engine itself would refuse; absent where only the engine knows. */
  readonly objectTo?: (route: InferenceRoute, body: InferenceRequest["body"]) => OpenAiError | undefined;
}

export interface GatewayParts {
  /** What is served now; undefined until the engine has named its model. */
  readonly service: () => Service | undefined;
  readonly gpus: GpuPort;
  readonly book: CompletionBook;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of a fault that no request can be answered with, such as a ledger that cannot be written. */
  readonly onFault: (error: unknown) => void;
}

/** Admits, meters and books every request, and passes the engine's bytes through; remembers only whom the engine refused. */
export function createGateway(parts: GatewayParts): InferencePort {
  const clients = new RefusedClients(parts.clock);
  return {
    models: () => listModels(parts.service()),
    answer: (route, body, signal, client) => {
      const parsed = parseRequest(route, body);
      if (parsed.kind === "refused") return Promise.resolve(parsed);
      const { request } = parsed;
      const service = parts.service();
      if (service === undefined) return Promise.resolve(refuse(NO_ENGINE));
      const objection = objectTo(route, request, service);
      if (objection !== undefined) return Promise.resolve(refuse(objection));
      return admit(parts, { route, service, request, signal, client, clients });
    },
  };
}

/** What the engine would refuse anyway is refused before it takes the GPU from other work. */
function objectTo(route: InferenceRoute, request: InferenceRequest, service: Service): OpenAiError | undefined {
  if (request.model !== service.model) return unknownModel(request.model, service.model);
  if (!service.routes.has(route)) return unservedRoute(route);
  const { contextTokens } = service;
  if (contextTokens !== undefined && request.tokensInAtLeast >= contextTokens) return tooLong(contextTokens);
  return service.objectTo?.(route, request.body);
}

interface Call {
  readonly route: InferenceRoute;
  readonly service: Service;
  readonly request: InferenceRequest;
  readonly signal: AbortSignal;
  readonly client: string;
  readonly clients: RefusedClients;
}

/** A call that holds a GPU until `finish`; only the first call of `finish` counts. */
interface OpenCall extends Call {
  readonly grant: Grant;
  /** Fires when the client has gone or the GPU is taken back. */
  readonly stop: AbortSignal;
  readonly finish: (end: CompletionEnd) => Promise<void>;
}

const CANCELLED: CompletionEnd = { outcome: "cancelled", reason: "the client went away" };
const INTERRUPTED: CompletionEnd = { outcome: "interrupted", reason: "the drain deadline passed" };

/** Taken as the context while no engine has told its own. */
const USUAL_CONTEXT = 4096;

/** Whatever happens, the GPU comes back; a request that cannot be recorded is refused, and its fault told. */
async function admit(parts: GatewayParts, call: Call): Promise<InferenceAnswer> {
  const leave = new AbortController();
  const jobId = `cmpl-${randomUUID()}`;
  const demand = { jobId, ...expectationOf(call), ...barOf(call) };
  const ticket = parts.gpus.enqueue(demand, AbortSignal.any([call.signal, leave.signal]));
  try {
    parts.book.queued(jobId, ticket.gpu, call.service.model);
    const admittance = await ticket.admitted;
    if (admittance.kind === "granted") return await run(parts, openCall(parts, call, jobId, admittance.grant));
    if (admittance.kind === "aborted") {
      parts.book.end(jobId, { outcome: "cancelled", reason: "the client went away while waiting" });
      return refuse(CLIENT_GONE);
    }
    parts.book.end(jobId, { outcome: "expired", reason: admittance.why });
    return refuse(overloaded(admittance));
  } catch (error) {
    leave.abort();
    tell(parts, error);
    await giveBack(parts, ticket);
    endAnyway(parts.book, jobId, messageOf(error));
    return refuse(NOT_RECORDED);
  }
}

/** Whoever keeps asking for what the engine refuses must not stop the mining with it. */
function barOf({ client, clients }: Call): Pick<Demand, "barred"> {
  const length = clients.barredFor(client);
  if (length === undefined) return {};
  const left = Math.ceil(length / 1000);
  const why = `the engine refused your last requests, so for ${left} s yours are answered only while it is awake`;
  return { barred: { why, length } };
}

/** Of the engine's answers, those that say the request was at fault. */
const isRefusal = (status: number): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429;

function remember({ client, clients }: Call, status: number): void {
  if (status === 200) clients.answered(client);
  else if (isRefusal(status)) clients.refused(client);
}

/** No claim of a client makes a request worth more than what the model can read and write. */
function expectationOf({ request, route, service }: Call): Pick<Demand, "worth" | "tokensOut"> {
  const { contextTokens: most = USUAL_CONTEXT, usualTokensOut, prices } = service;
  const tokensOut = route === "/v1/embeddings" ? 0 : Math.min(most, request.maxTokens ?? usualTokensOut);
  return { worth: requestWorth(Math.min(most, request.tokensInGuess), tokensOut, prices), tokensOut };
}

function openCall(parts: GatewayParts, call: Call, jobId: string, grant: Grant): OpenCall {
  parts.book.running(jobId);
  const close = async (end: CompletionEnd): Promise<void> => {
    try {
      await grant.release(end.usage?.tokensOut);
    } finally {
      parts.book.end(jobId, end, call.service.prices);
    }
  };
  let finished: Promise<void> | undefined;
  const finish = (end: CompletionEnd): Promise<void> => {
    finished ??= close(end);
    return finished;
  };
  return { ...call, grant, stop: AbortSignal.any([call.signal, grant.revoked]), finish };
}

async function giveBack(parts: GatewayParts, { admitted }: Ticket): Promise<void> {
  try {
    const admittance = await admitted;
    if (admittance.kind === "granted") await admittance.grant.release();
  } catch (error) {
    tell(parts, error);
  }
}

/** Work that cannot be recorded must not go on; any other fault is this request's alone. */
function tell({ onFault, logger }: GatewayParts, error: unknown): void {
  if (error instanceof LedgerError) onFault(error);
  else logger.error("a request could not be accounted for", { reason: messageOf(error) });
}

function endAnyway(book: CompletionBook, jobId: string, reason: string): void {
  try {
    book.end(jobId, { outcome: "failed", reason });
  } catch {
    // The ledger's own fault is told already; the next start closes what is still open.
  }
}

async function run(parts: GatewayParts, call: OpenCall): Promise<InferenceAnswer> {
  const { grant, request, route, signal, stop } = call;
  const base = grant.engine;
  try {
    const answer = await postToEngine({ base, route, body: request.body }, stop);
    remember(call, answer.status);
    if (answer.stream) return { kind: "stream", chunks: openStream(parts, call, answer) };
    const body = await readJson(answer, `${base}${route}`);
    await call.finish(endOf(answer.status, readUsage(body)));
    return { kind: "json", status: answer.status, body };
  } catch (error) {
    await call.finish(failureOf(call, error));
    if (!stop.aborted) parts.logger.warn("the engine failed a request", { reason: messageOf(error) });
    return refuse(signal.aborted ? CLIENT_GONE : faultOf(call));
  }
}

interface Stream {
  readonly call: OpenCall;
  readonly answer: EngineAnswer;
  /** The last that the engine counted. */
  usage?: Usage;
  /** Events with something to read that went out. */
  delivered: number;
}

/** Ends the call as soon as it must stop: a reader that stands still would hold the GPU, and one that left never reads. */
function openStream(parts: GatewayParts, call: OpenCall, answer: EngineAnswer): AsyncGenerator<Uint8Array> {
  const stream: Stream = { call, answer, delivered: 0 };
  const abandon = () => void call.finish(abandonedEnd(stream)).catch((error: unknown) => tell(parts, error));
  if (call.stop.aborted) abandon();
  else call.stop.addEventListener("abort", abandon, { once: true });
  return passEvents(parts, stream, () => call.stop.removeEventListener("abort", abandon));
}

async function* passEvents(parts: GatewayParts, stream: Stream, onEnd: () => void): AsyncGenerator<Uint8Array> {
  const { call, answer } = stream;
  let end: CompletionEnd | undefined;
  try {
    for await (const event of readEvents(answer.chunks, call.grant.engine)) {
      if (event.usage !== undefined) stream.usage = event.usage;
      if (event.hasText) stream.delivered++;
      // Recorded before the client has it whole: an agent killed in between must not have worked for nothing.
      if (event.usageOnly) await call.finish(endOf(answer.status, stream.usage));
      if (!event.usageOnly || call.request.wantsUsage) yield event.bytes;
    }
    end = endOf(answer.status, stream.usage);
  } catch (error) {
    end = call.stop.aborted
      ? abandonedEnd(stream)
      : { ...failureOf(call, error), ...(stream.usage === undefined ? {} : { usage: stream.usage }) };
    if (!call.stop.aborted) parts.logger.warn("the engine failed a stream", { reason: messageOf(error) });
    if (!call.signal.aborted) yield toEvent(error instanceof LedgerError ? NOT_RECORDED : faultOf(call));
  } finally {
    onEnd();
    await call.finish(end ?? abandonedEnd(stream)).catch((error: unknown) => tell(parts, error));
  }
}

/** Once the engine has counted, it has said all: who leaves then, or is cut off, has the answer and pays for it. */
function abandonedEnd({ call, answer, usage, delivered }: Stream): CompletionEnd {
  if (usage !== undefined) return endOf(answer.status, usage);
  const end = call.grant.revoked.aborted && !call.signal.aborted ? INTERRUPTED : CANCELLED;
  return delivered > 0 ? { ...end, delivered } : end;
}

const endOf = (status: number, usage: Usage | undefined): CompletionEnd => ({
  ...(status === 200
    ? { outcome: "completed" as const }
    : { outcome: "failed" as const, reason: `the engine answered ${status}` }),
  ...(usage === undefined ? {} : { usage }),
});

function failureOf(call: OpenCall, error: unknown): CompletionEnd {
  if (call.signal.aborted) return CANCELLED;
  if (call.grant.revoked.aborted) return INTERRUPTED;
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

const toEvent = (error: OpenAiError): Uint8Array =>
  new TextEncoder().encode(`data: ${JSON.stringify(errorBody(error))}\n\n`);

const faultOf = ({ grant }: OpenCall): OpenAiError => (grant.revoked.aborted ? TAKEN_BACK : ENGINE_FAILED);

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
const TAKEN_BACK: OpenAiError = {
  status: 503,
  code: "interrupted",
  type: "server_error",
  message: "the GPU was taken back before the answer was complete",
  retryAfterS: 5,
};
const NOT_RECORDED: OpenAiError = {
  status: 503,
  code: "not_recorded",
  type: "server_error",
  message: "this rig cannot record the request, and does no work that it cannot record",
  retryAfterS: 30,
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

const unservedRoute = (route: InferenceRoute): OpenAiError => ({
  status: 404,
  code: "route_not_served",
  type: "invalid_request_error",
  message: `the engine of this rig does not answer ${route}`,
});

const tooLong = (contextTokens: number): OpenAiError => ({
  status: 400,
  code: "context_length_exceeded",
  type: "invalid_request_error",
  message: `the prompt is longer than the model's context of ${contextTokens} tokens`,
  param: "messages",
});

const TOO_MANY: ReadonlySet<string> = new Set(["queue-full", "refused-often"]);

const overloaded = ({ reason, why, retryAfter }: Extract<Admittance, { kind: "refused" }>): OpenAiError => ({
  status: TOO_MANY.has(reason) ? 429 : 503,
  code: reason.replaceAll("-", "_"),
  type: TOO_MANY.has(reason) ? "rate_limit_error" : "server_error",
  message: why,
  retryAfterS: Math.max(1, Math.ceil(retryAfter / 1000)),
});
