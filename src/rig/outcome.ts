/** How one step ended. A failure is expected and carries what to tell the operator. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "aborted" };

export const DONE: Outcome = { kind: "done" };
export const ABORTED: Outcome = { kind: "aborted" };
export const failed = (reason: string): Outcome => ({ kind: "failed", reason });

/** How it ended, as the ledger and the log say it. */
export const wordsOf = (outcome: Outcome & { readonly note?: string }) => ({
  word: outcome.kind === "done" ? ("completed" as const) : outcome.kind,
  detail: outcome.kind === "failed" ? outcome.reason : outcome.note,
});
