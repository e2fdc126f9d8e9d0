/** How one step ended. A failure is expected and carries what to tell the operator. */
export type Outcome =
  /** `caveat` tells what could not be made sure of. */
  | { readonly kind: "done"; readonly caveat?: string }
  /** `isStuck` where work that was told to end is still there. */
  | { readonly kind: "failed"; readonly reason: string; readonly isStuck?: true }
  /** `reason` where it was not the agent's end. */
  | { readonly kind: "aborted"; readonly reason?: string };

/** Why a handover must not go on; the reason of the signal that ends it. */
export class Cut {
  readonly words: string;
  /** Whether requests that are being answered go on: nobody needs the GPU at once. */
  readonly sparesRequests: boolean;

  constructor(words: string, sparesRequests = false) {
    this.words = words;
    this.sparesRequests = sparesRequests;
  }
}

/** Why `signal` cut a handover short, as part of its outcome. */
export const cutBy = ({ reason }: AbortSignal): { readonly reason?: string } =>
  reason instanceof Cut ? { reason: reason.words } : {};

export const DONE: Outcome = { kind: "done" };
export const ABORTED: Outcome = { kind: "aborted" };
export const failed = (reason: string): Outcome => ({ kind: "failed", reason });

/** How it ended, as the ledger and the log say it. */
export function wordsOf(outcome: Outcome & { readonly note?: string }) {
  if (outcome.kind === "failed") return { word: outcome.kind, detail: outcome.reason };
  if (outcome.kind === "aborted" && outcome.reason !== undefined) return { word: outcome.kind, detail: outcome.reason };
  const caveat = outcome.kind === "done" ? outcome.caveat : undefined;
  const detail = [outcome.note, caveat].filter((words) => words !== undefined).join("; ");
  return { word: outcome.kind === "done" ? ("completed" as const) : outcome.kind, detail: detail || undefined };
}
