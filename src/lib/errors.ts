/** What every fault carries: a stable code and, where a person can help, how. */
export interface Facts {
  readonly code: `ERR_${string}`;
  /** One imperative sentence for the operator: what to change so that it works. */
  readonly mend?: string;
  /** Whether trying the same thing again later can succeed. */
  readonly retryable?: boolean;
}

/** A fault with a code and facts; expected outcomes are values and never come as one of these. */
export class RigError<F extends Facts = Facts> extends Error {
  readonly facts: F;

  constructor(message: string, facts: F, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.facts = facts;
  }
}

export const isRigError = (error: unknown): error is RigError => error instanceof RigError;

/** Whether `error` only says that an `AbortSignal` fired, which is no fault. */
export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `text` with every control character made a space, so that a stranger's words can neither forge a line nor steer a terminal. */
export const toPrintable = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");

/** The one line a person reads: `<what> (<ERR_CODE>): <how to mend>`. */
export function toOneLine(error: unknown): string {
  if (!isRigError(error)) return toPrintable(messageOf(error).split("\n", 1)[0] || "unknown error");
  const { code, mend } = error.facts;
  return toPrintable(`${error.message} (${code})${mend ? `: ${mend}` : ""}`);
}

/** The system's error code (`ENOENT`, `EADDRINUSE`, …), if `error` has one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
