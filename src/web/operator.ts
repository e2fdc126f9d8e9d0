import type { RigClient } from "../api/client.ts";
import { isTokenNeeded } from "../api/errors.ts";
import type { ModeName } from "../api/shapes.ts";
import { toOneLine } from "../lib/errors.ts";
import type { PageAction } from "./state.ts";

/** Where the page keeps the token: gone with the tab. */
export interface TokenStore {
  readonly get: () => string | undefined;
  readonly set: (token: string | undefined) => void;
}

const KEY = "rigshift-token";

export const sessionTokens = (storage: Storage): TokenStore => ({
  get: () => storage.getItem(KEY) ?? undefined,
  set: (token) => (token === undefined ? storage.removeItem(KEY) : storage.setItem(KEY, token)),
});

export interface OperatorParts {
  readonly client: Pick<RigClient, "setMode">;
  readonly tokens: TokenStore;
  readonly dispatch: (action: PageAction) => void;
}

/** What a person may do on the page. */
export interface Operator {
  chooseMode(mode: ModeName): Promise<void>;
  giveToken(mode: ModeName, token: string): Promise<void>;
  cancel(): void;
}

export function createOperator({ client, tokens, dispatch }: OperatorParts): Operator {
  const { signal } = new AbortController();

  const send = async (mode: ModeName): Promise<void> => {
    dispatch({ type: "wish", wish: { kind: "sending", mode } });
    try {
      const view = await client.setMode({ mode }, signal);
      dispatch({ type: "mode", mode: view.mode });
    } catch (error) {
      const needsToken = isTokenNeeded(error);
      if (needsToken) tokens.set(undefined);
      dispatch({
        type: "wish",
        wish: needsToken
          ? { kind: "asking", mode, wasRefused: true }
          : { kind: "failed", mode, reason: toOneLine(error) },
      });
    }
  };

  return {
    chooseMode: async (mode) => {
      if (tokens.get() !== undefined) return await send(mode);
      dispatch({ type: "wish", wish: { kind: "asking", mode, wasRefused: false } });
    },
    giveToken: (mode, token) => {
      tokens.set(token);
      return send(mode);
    },
    cancel: () => dispatch({ type: "wish", wish: { kind: "none" } }),
  };
}
