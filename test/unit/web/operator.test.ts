import { describe, expect, test } from "vitest";
import type { RigClient } from "../../../src/api/client.ts";
import { ApiError } from "../../../src/api/errors.ts";
import type { ModeRequest, ModeView } from "../../../src/api/shapes.ts";
import { createOperator, type TokenStore } from "../../../src/web/operator.ts";
import type { PageAction } from "../../../src/web/state.ts";

function setUp(answer: (request: ModeRequest) => ModeView, token?: string) {
  const actions: PageAction[] = [];
  let held = token;
  const tokens: TokenStore = {
    get: () => held,
    set: (value) => {
      held = value;
    },
  };
  const client: Pick<RigClient, "setMode"> = {
    setMode: async (request) => await Promise.resolve(answer(request)),
  };
  const operator = createOperator({ client, tokens, dispatch: (action) => actions.push(action) });
  return { operator, actions, token: () => held };
}

const accept = ({ mode }: ModeRequest): ModeView => ({ mode, gpu: null, untilMs: null });
const refuse = (status: number) => () => {
  throw new ApiError("no", { code: "ERR_HTTP_TOKEN", status, mend: "do" });
};

describe("choosing a mode", () => {
  test("asks for the token first, and sends nothing", async () => {
    const { operator, actions } = setUp(accept);
    await operator.chooseMode("mine");
    expect(actions).toEqual([{ type: "wish", wish: { kind: "asking", mode: "mine", wasRefused: false } }]);
  });

  test("with a token sends at once and shows what the agent answered", async () => {
    const { operator, actions } = setUp(accept, "secret");
    await operator.chooseMode("mine");
    expect(actions).toEqual([
      { type: "wish", wish: { kind: "sending", mode: "mine" } },
      { type: "mode", mode: "mine" },
    ]);
  });

  test("keeps the token it was given for the next time", async () => {
    const { operator, actions, token } = setUp(accept);
    await operator.giveToken("pause", "secret");
    expect(token()).toBe("secret");
    expect(actions.at(-1)).toEqual({ type: "mode", mode: "pause" });
  });

  test("forgets a token that was refused and asks again", async () => {
    const { operator, actions, token } = setUp(refuse(401), "stale");
    await operator.chooseMode("serve");
    expect(token()).toBeUndefined();
    expect(actions.at(-1)).toEqual({ type: "wish", wish: { kind: "asking", mode: "serve", wasRefused: true } });
  });

  test("says why it failed for any other reason, and keeps the token", async () => {
    const { operator, actions, token } = setUp(refuse(400), "good");
    await operator.chooseMode("serve");
    expect(token()).toBe("good");
    expect(actions.at(-1)).toEqual({
      type: "wish",
      wish: { kind: "failed", mode: "serve", reason: "no (ERR_HTTP_TOKEN): do" },
    });
  });

  test("can be called off", () => {
    const { operator, actions } = setUp(accept);
    operator.cancel();
    expect(actions).toEqual([{ type: "wish", wish: { kind: "none" } }]);
  });
});
