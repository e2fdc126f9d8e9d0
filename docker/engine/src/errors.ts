export type StartCode =
  | "ERR_ENGINE_USAGE"
  | "ERR_ENGINE_NOT_INSTALLED"
  | "ERR_ENGINE_BACKEND"
  | "ERR_ENGINE_MEMORY"
  | "ERR_MODEL_MISSING"
  | "ERR_MODEL_UNREADABLE"
  | "ERR_MODEL_CORRUPT"
  | "ERR_MODEL_SHA256"
  | "ERR_PORT_IN_USE"
  | "ERR_LISTEN";

/** Why the engine cannot start, and what the operator can do about it. */
export class StartError extends Error {
  readonly code: StartCode;
  readonly mend: string;

  constructor(code: StartCode, what: string, mend: string, cause?: unknown) {
    super(what, { cause });
    this.code = code;
    this.mend = mend;
  }

  /** One line, whatever the message of the cause held. */
  get line(): string {
    return `rigshift-engine: ${this.message} (${this.code}): ${this.mend}`.replaceAll(/\s+/g, " ");
  }
}

export interface ApiErrorFacts {
  status: number;
  message: string;
  code: string | null;
  param?: string;
  headers?: Record<string, string>;
}

/** A refusal the client caused or can act on; anything else thrown while answering is a fault of the engine. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  readonly headers: Record<string, string>;

  constructor(facts: ApiErrorFacts) {
    super(facts.message);
    this.status = facts.status;
    this.code = facts.code;
    this.param = facts.param ?? null;
    this.headers = facts.headers ?? {};
  }

  get body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    return { error: { message: this.message, type: errorType(this.status), param: this.param, code: this.code } };
  }
}

function errorType(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
