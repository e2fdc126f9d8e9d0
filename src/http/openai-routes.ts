import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { InferenceAnswer, InferencePort, InferenceRoute, OpenAiError } from "../inference/answer.ts";
import type { Clock } from "../lib/clock.ts";
import { isAbort, messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { seconds } from "../units/time.ts";
import { goneSignal, writeTo } from "./flow.ts";

export interface OpenAiParts {
  readonly inference: InferencePort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether every client has shown an API key by the time it comes here. */
  readonly hasKeys: boolean;
  /** Fires when the server stops: running answers are given up. */
  readonly stopping: AbortSignal;
}

const ROUTES: readonly InferenceRoute[] = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"];
const PATIENCE = seconds(30);

const toBody = ({ message, type, param, code }: OpenAiError): unknown => ({
  error: { message, type, param: param ?? null, code },
});

function sendRefusal(reply: FastifyReply, error: OpenAiError): FastifyReply {
  if (error.retryAfterS !== undefined) reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterS))));
  return reply.code(error.status).send(toBody(error));
}

const BROKEN_STREAM = `data: ${JSON.stringify({
  error: { message: "the answer broke off", type: "server_error", param: null, code: "stream_broken" },
})}\n\n`;

/** Passes the chunks on at the client's pace; leaving the loop early ends the engine's stream as well. */
async function pass(chunks: AsyncIterable<Uint8Array>, out: ServerResponse, parts: OpenAiParts): Promise<void> {
  const flow = { patience: PATIENCE, clock: parts.clock };
  try {
    for await (const chunk of chunks) {
      if (!(await writeTo(out, chunk, flow))) return;
    }
  } catch (error) {
    if (out.destroyed || isAbort(error)) return;
    parts.logger.error("inference stream broke", { error: messageOf(error) });
    out.write(BROKEN_STREAM);
  } finally {
    out.end();
  }
}

function sendStream(reply: FastifyReply, chunks: AsyncIterable<Uint8Array>, parts: OpenAiParts): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "x-accel-buffering": "no",
  });
  reply.raw.flushHeaders();
  return pass(chunks, reply.raw, parts);
}

function sendAnswer(reply: FastifyReply, answer: InferenceAnswer, parts: OpenAiParts): FastifyReply | Promise<void> {
  switch (answer.kind) {
    case "json":
      return reply
        .code(answer.status)
        .type("application/json; charset=utf-8")
        .send(JSON.stringify(answer.body ?? null));
    case "refused":
      return sendRefusal(reply, answer.error);
    case "stream":
      return sendStream(reply, answer.chunks, parts);
  }
}

const digestOf = (secret: string): string => createHash("sha256").update(secret).digest("base64url");

/** By its key, never kept as it is; by its address where no keys are given out, because any that is shown is invented. */
const clientOf = ({ headers, ip }: FastifyRequest, hasKeys: boolean): string =>
  hasKeys ? digestOf(headers.authorization ?? "") : ip;

/** Parses nothing of the body but its JSON: what it means is the gateway's business. */
export function addOpenAiRoutes(app: FastifyInstance, parts: OpenAiParts): void {
  app.get("/v1/models", (_request, reply) => reply.send(parts.inference.models()));
  for (const route of ROUTES) {
    app.post(route, async (request, reply) => {
      // An answer may take longer than the idle limit of an ordinary connection.
      request.raw.socket.setTimeout(0);
      const signal = AbortSignal.any([goneSignal(reply.raw), parts.stopping]);
      const answer = await parts.inference.answer(route, request.body, signal, clientOf(request, parts.hasKeys));
      return sendAnswer(reply, answer, parts);
    });
  }
}
