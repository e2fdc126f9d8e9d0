/** A refusal or failure in OpenAI's error shape. */
export interface OpenAiError {
  readonly status: number;
  readonly code: string;
  readonly type: "invalid_request_error" | "server_error" | "rate_limit_error" | "authentication_error";
  readonly message: string;
  readonly param?: string;
  readonly retryAfterS?: number;
}

/** An answer on its way: either whole, or a stream of server-sent event bytes. */
export type InferenceAnswer =
  | { readonly kind: "json"; readonly status: number; readonly body: unknown }
  | { readonly kind: "stream"; readonly chunks: AsyncIterable<Uint8Array> }
  | { readonly kind: "refused"; readonly error: OpenAiError };

export type InferenceRoute = "/v1/chat/completions" | "/v1/completions" | "/v1/embeddings";

/** The gateway's logic, without a server: the HTTP edge parses bytes and writes them, nothing more. */
export interface InferencePort {
  models(): unknown;
  /** `body` is untrusted JSON; `signal` fires when the client goes away; `client` tells one asker from another. */
  answer(route: InferenceRoute, body: unknown, signal: AbortSignal, client: string): Promise<InferenceAnswer>;
}
