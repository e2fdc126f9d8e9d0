import { type Facts, RigError } from "../lib/errors.ts";

/** Faults of starting the server; a request that is turned away is a `Refusal`, not a fault. */
export type HttpErrorCode =
  | "ERR_HTTP_PORT_IN_USE"
  | "ERR_HTTP_LISTEN"
  | "ERR_HTTP_TLS_REQUIRED"
  | "ERR_HTTP_TLS_FILE"
  | "ERR_HTTP_TOKEN_FILE"
  | "ERR_HTTP_CUSTOMER_KEYS";

/** Why a request was turned away; stable words for programs. */
export type RefusalCode =
  | "ERR_HTTP_HOST"
  | "ERR_HTTP_ORIGIN"
  | "ERR_HTTP_TOKEN"
  | "ERR_HTTP_API_KEY"
  | "ERR_HTTP_MEDIA_TYPE"
  | "ERR_HTTP_MALFORMED_JSON"
  | "ERR_HTTP_MALFORMED_REQUEST"
  | "ERR_HTTP_BODY_TOO_LARGE"
  | "ERR_HTTP_INVALID_BODY"
  | "ERR_HTTP_INVALID_QUERY"
  | "ERR_HTTP_NOT_FOUND"
  | "ERR_HTTP_METHOD"
  | "ERR_HTTP_TOO_MANY_READERS"
  | "ERR_HTTP_PAGE_NOT_BUILT"
  | "ERR_HTTP_INTERNAL";

export interface HttpFacts extends Facts {
  readonly code: HttpErrorCode;
  readonly host?: string;
  readonly port?: number;
}

export class HttpError extends RigError<HttpFacts> {}
