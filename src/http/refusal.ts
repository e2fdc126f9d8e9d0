import type { RouteFamily } from "../api/routes.ts";
import type { ErrorView } from "../api/shapes.ts";
import { isRigError } from "../lib/errors.ts";
import type { RefusalCode } from "./errors.ts";

/** An answer that turns a request away, before it is put into its route family's shape. */
export interface Refusal {
  readonly status: number;
  readonly code: RefusalCode | `ERR_${string}`;
  readonly message: string;
  readonly mend?: string;
  /** The field of the body or query that is wrong. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Checked<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export const ok = <T>(value: T): Checked<T> => ({ kind: "ok", value });
export const refused = (refusal: Refusal): Checked<never> => ({ kind: "refused", refusal });

/** Which error shape an address belongs to, whether or not it exists. */
export const familyOf = (path: string): RouteFamily => (path === "/v1" || path.startsWith("/v1/") ? "openai" : "api");

function toOpenAiType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

const toOpenAiCode = ({ status, code }: Refusal): string =>
  status === 401 ? "invalid_api_key" : code.replace(/^ERR_(HTTP_)?/, "").toLowerCase();

/** The JSON body of `refusal` in the shape of `family`. */
export function toErrorBody(refusal: Refusal, family: RouteFamily): unknown {
  const { status, code, message, mend, param } = refusal;
  if (family !== "openai") return { error: { code, message, mend: mend ?? null } } satisfies ErrorView;
  const type = toOpenAiType(status);
  return {
    error: { message: mend ? `${message}: ${mend}` : message, type, param: param ?? null, code: toOpenAiCode(refusal) },
  };
}

const INTERNAL: Refusal = {
  status: 500,
  code: "ERR_HTTP_INTERNAL",
  message: "the agent failed to answer; its log says why",
};

const MALFORMED_JSON: Refusal = {
  status: 400,
  code: "ERR_HTTP_MALFORMED_JSON",
  message: "the body is not valid JSON",
  mend: "send one JSON object",
};

export const MEDIA_TYPE: Refusal = {
  status: 415,
  code: "ERR_HTTP_MEDIA_TYPE",
  message: "the body must be JSON",
  mend: "send it with content-type: application/json",
};

const TOO_LARGE: Refusal = {
  status: 413,
  code: "ERR_HTTP_BODY_TOO_LARGE",
  message: "the body is larger than 1 MiB",
  mend: "send less at once",
  headers: { connection: "close" },
};

export const MALFORMED_REQUEST: Refusal = {
  status: 400,
  code: "ERR_HTTP_MALFORMED_REQUEST",
  message: "the request is malformed",
};

const BY_SERVER_CODE: Readonly<Record<string, Refusal>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: TOO_LARGE,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: MEDIA_TYPE,
  FST_ERR_CTP_INVALID_JSON_BODY: MALFORMED_JSON,
  FST_ERR_CTP_EMPTY_JSON_BODY: MALFORMED_JSON,
};

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

const statusOf = (error: unknown): number =>
  error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;

/** What a caller may learn of `error`: a `RigError` speaks for itself, anything else only has a status. */
export function toRefusal(error: unknown, isWrite: boolean): Refusal {
  if (isRigError(error)) {
    const { code, mend, retryable } = error.facts;
    const status = isWrite ? 400 : retryable ? 503 : 500;
    return { status, code, message: error.message, ...(mend !== undefined && { mend }) };
  }
  const known = BY_SERVER_CODE[codeOf(error)];
  if (known) return known;
  if (error instanceof SyntaxError && statusOf(error) === 400) return MALFORMED_JSON;
  return statusOf(error) < 500 ? MALFORMED_REQUEST : INTERNAL;
}
