import { type Facts, RigError } from "../lib/errors.ts";

export type ApiErrorCode =
  | "ERR_API_UNREACHABLE"
  | "ERR_API_TIMEOUT"
  | "ERR_API_ANSWER"
  | "ERR_API_TOKEN_FILE"
  /** A refusal by the agent keeps the agent's own code. */
  | `ERR_${string}`;

export interface ApiFacts extends Facts {
  readonly code: ApiErrorCode;
  /** HTTP status of the answer; absent when there was none. */
  readonly status?: number;
}

export class ApiError extends RigError<ApiFacts> {}

/** Whether the agent asked for its token, or did not take the one it got. */
export const isTokenNeeded = (error: unknown): boolean => error instanceof ApiError && error.facts.status === 401;
