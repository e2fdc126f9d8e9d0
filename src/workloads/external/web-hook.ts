import type { IncomingMessage } from "node:http";
import type { SecretReference } from "../../config/fields.ts";
import { readSecret } from "../../config/secret.ts";
import { messageOf } from "../../lib/errors.ts";
import { withDeadline } from "../../lib/wait.ts";
import { openRequest } from "../../market/fetch/checked-request.ts";
import type { Millis } from "../../units/time.ts";
import type { HookAnswer } from "../hook.ts";
import { printable } from "../lines.ts";

/** A secret is read at every call and kept nowhere. */
type HeaderValue = string | { readonly secret: SecretReference; readonly prefix: string };

export interface WebHook {
  readonly kind: "web";
  /** `{gpu}` stands for the first GPU's UUID. */
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, HeaderValue>>;
  readonly body?: string | undefined;
  readonly timeout: Millis;
}

interface Asked {
  readonly gpus: readonly string[];
  readonly privateHosts: readonly string[];
}

const LARGEST_ANSWER = 65_536;
const LONGEST_REASON = 300;

/** Asks an address that the operator named; any status but 2xx, a redirect included, is a failure. Never throws. */
export async function askWebHook(
  hook: WebHook,
  { gpus, privateHosts }: Asked,
  signal: AbortSignal,
): Promise<HookAnswer> {
  const within = withDeadline(signal, hook.timeout);
  try {
    const { method, body, url } = hook;
    const request = {
      url: new URL(url.replaceAll("{gpu}", encodeURIComponent(gpus[0] ?? ""))),
      method,
      headers: toHeaders(hook.headers),
      ...(body === undefined ? {} : { body }),
    };
    const rules = { privateHosts, refused: refusedBy(request.url), unresolved: (what: string) => new Error(what) };
    const answer = await openRequest(request, rules, within);
    return await toAnswer(answer);
  } catch (error) {
    if (!within.aborted) return failure(messageOf(error));
    return failure(signal.aborted ? "the agent stops" : `it timed out after ${hook.timeout / 1000} s`);
  }
}

const toHeaders = (headers: Readonly<Record<string, HeaderValue>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === "string" ? value : `${value.prefix}${readSecret(value.secret)}`,
    ]),
  );

const refusedBy = (url: URL) => (address: string) =>
  new Error(`${url.hostname} stands at ${address}, which is no public address: list it in privateHosts if it is meant`);

async function toAnswer(answer: IncomingMessage): Promise<HookAnswer> {
  const { statusCode = 0 } = answer;
  if (statusCode < 200 || statusCode > 299) {
    answer.destroy();
    return failure(`HTTP ${statusCode}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) return failure(`the answer is larger than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return { kind: "answered", text: Buffer.concat(chunks).toString("utf8") };
}

const failure = (reason: string): HookAnswer => ({ kind: "failed", reason: printable(reason, LONGEST_REASON) });
