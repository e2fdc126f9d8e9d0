import type { LookupAddress } from "node:dns";
import type { IncomingMessage } from "node:http";
import { isAbort, messageOf } from "../../lib/errors.ts";
import { withDeadline } from "../../lib/wait.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { PriceSourceError } from "../errors.ts";
import { openRequest } from "./checked-request.ts";

const TIMEOUT = seconds(15);
const LARGEST_ANSWER = 8 * 1024 * 1024;
const MOST_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface DocumentRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON by POST. */
  readonly body?: string;
}

export type DocumentAnswer =
  | { readonly kind: "unchanged" }
  | { readonly kind: "fetched"; readonly text: string; readonly etag?: string; readonly lastModified?: string };

export interface FetchRules {
  /** Hosts that the operator named; only these may stand at an address that is not public. */
  readonly privateHosts: readonly string[];
  readonly timeout?: Millis;
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

/**
 * Fetches one document of at most 8 MiB within 15 s. Every address is checked after its name was resolved and before it
 * is connected to, again for each redirect. Throws `PriceSourceError`, or the abort when `signal` fired.
 */
export async function fetchDocument(
  request: DocumentRequest,
  rules: FetchRules,
  signal: AbortSignal,
): Promise<DocumentAnswer> {
  const within = withDeadline(signal, rules.timeout ?? TIMEOUT);
  let next = request;
  try {
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      const answer = await ask(next, rules, within);
      const target = redirectOf(answer, next.url);
      if (target === undefined) return await toAnswer(answer, next.url);
      answer.destroy();
      next = redirected(next, target);
    }
    throw unreachable(next.url, `more than ${MOST_REDIRECTS} redirects`);
  } catch (error) {
    if (error instanceof PriceSourceError || (isAbort(error) && signal.aborted)) throw error;
    throw unreachable(next.url, within.aborted ? "no answer in time" : messageOf(error), { cause: error });
  }
}

function ask(
  { url, headers, body }: DocumentRequest,
  rules: FetchRules,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const method = body === undefined ? "GET" : "POST";
  return openRequest(
    { url, method, headers, ...(body === undefined ? {} : { body }) },
    {
      ...rules,
      refused: (address) => refused(url, address),
      unresolved: (what, cause) => unreachable(url, what, { cause }),
    },
    signal,
  );
}

function redirectOf({ statusCode, headers }: IncomingMessage, from: URL): URL | undefined {
  if (!REDIRECTS.has(statusCode ?? 0) || headers.location === undefined) return undefined;
  const target = URL.canParse(headers.location, from) ? new URL(headers.location, from) : undefined;
  const isWeb = target?.protocol === "https:" || (target?.protocol === "http:" && from.protocol === "http:");
  if (target === undefined || !isWeb) throw unreachable(from, "a redirect that leads nowhere safe");
  return target;
}

/** What opens one host is no other host's business. */
function redirected({ url, headers, body }: DocumentRequest, target: URL): DocumentRequest {
  const kept = url.origin === target.origin ? headers : {};
  return { url: target, headers: kept, ...(body === undefined ? {} : { body }) };
}

async function toAnswer(answer: IncomingMessage, url: URL): Promise<DocumentAnswer> {
  const { statusCode = 0, headers } = answer;
  if (statusCode === 304) {
    answer.destroy();
    return { kind: "unchanged" };
  }
  if (statusCode !== 200) {
    answer.destroy();
    throw unreachable(url, `HTTP ${statusCode}`, { retryAfterMs: retryAfter(headers["retry-after"]) });
  }
  const text = await readBounded(answer, url);
  const { etag, "last-modified": lastModified } = headers;
  return {
    kind: "fetched",
    text,
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  };
}

async function readBounded(answer: IncomingMessage, url: URL): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw unreachable(url, `more than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const retryAfter = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;

const refused = (url: URL, address: string): PriceSourceError =>
  new PriceSourceError(`${url.hostname} stands at ${address}, which is no public address`, {
    code: "ERR_PRICE_ADDRESS",
    source: url.hostname,
    mend: `list ${url.hostname} in market.privateHosts if it is meant`,
    retryable: true,
  });

/** The address of a source may hold a key: only its host is told. */
function unreachable(url: URL, what: string, extra: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
  const { cause, retryAfterMs } = extra;
  return new PriceSourceError(
    `${url.host} gives no prices (${what})`,
    {
      code: "ERR_PRICE_UNREACHABLE",
      source: url.hostname,
      mend: "check the source's url in rig.yaml, and this rig's way to it",
      retryable: true,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
    { cause },
  );
}
