import { useEffect, useRef, useState } from "preact/hooks";
import type { Operator } from "./operator.ts";
import type { Wish } from "./state.ts";
import { wordsOf } from "./tone.ts";

interface TokenDialogProps {
  readonly wish: Extract<Wish, { readonly kind: "asking" }>;
  readonly operator: Operator;
  /** Where the token lies on the rig. */
  readonly dataDir: string;
}

/** As a shell takes it. */
const quote = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

/** Asks once per tab for the token that every write needs. */
export function TokenDialog({ wish, operator, dataDir }: TokenDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [token, setToken] = useState("");
  useEffect(() => dialog.current?.showModal(), []);

  const submit = (event: Event) => {
    event.preventDefault();
    if (token.trim() !== "") void operator.giveToken(wish.mode, token.trim());
  };

  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="token-title" onCancel={() => operator.cancel()}>
      <form onSubmit={submit}>
        <h2 id="token-title">Change the mode to {wordsOf(wish.mode).label.toLowerCase()}</h2>
        <p>
          This needs the agent's token. On the rig, print it with <code>cat {quote(`${dataDir}/token`)}</code> and paste
          it here; this tab keeps it until it is closed. There, <code>./scripts/rigshift mode {wish.mode}</code> does
          the same without asking.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-describedby={wish.wasRefused ? "token-refused" : undefined}
          aria-invalid={wish.wasRefused}
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        {wish.wasRefused && (
          <p class="failure" id="token-refused" role="alert">
            The agent did not take this token.
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={() => operator.cancel()}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Change mode
          </button>
        </div>
      </form>
    </dialog>
  );
}
