import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./errors.ts";

const LARGEST_BODY_BYTES = 1024 * 1024;

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const [type] = (request.headers["content-type"] ?? "").split(";", 1);
  if (type?.trim().toLowerCase() !== "application/json" || request.headers["content-encoding"] !== undefined) {
    throw new ApiError({
      status: 415,
      message: "the request must be plain application/json",
      code: "unsupported_media_type",
    });
  }
  const bytes = await readBody(request);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    // The parser's own words would quote the customer's text back into logs.
    throw new ApiError({ status: 400, message: "the request body is not valid JSON", code: "invalid_json" });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > LARGEST_BODY_BYTES) throw tooLarge();
  const parts: Buffer[] = [];
  let length = 0;
  // Left open, so that a refusal can still be written to the client.
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > LARGEST_BODY_BYTES) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tooLarge(): ApiError {
  return new ApiError({
    status: 413,
    message: `the request body is larger than ${LARGEST_BODY_BYTES} bytes`,
    code: "request_too_large",
    headers: { connection: "close" },
  });
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
}

/**
 * Never waits for the client: a slow reader must not hold the one sequence that others wait for.
 * What can pile up is bounded by the context.
 */
export function sendEvent(response: ServerResponse, data: unknown): void {
  response.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
}

/** Aborts when the client goes away before its answer is complete. */
export function clientSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (response.destroyed) gone.abort();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}
