import { describe, expect, test } from "vitest";
import { familyOf, toErrorBody, toRefusal } from "../../../src/http/refusal.ts";
import { RigError } from "../../../src/lib/errors.ts";

describe("a fault becomes", () => {
  const fault = (retryable?: boolean) =>
    new RigError("the ledger is locked", { code: "ERR_LEDGER_LOCKED", mend: "wait", ...(retryable && { retryable }) });

  test("a 400 when a write asked for what cannot be", () => {
    expect(toRefusal(fault(), true)).toEqual({
      status: 400,
      code: "ERR_LEDGER_LOCKED",
      message: "the ledger is locked",
      mend: "wait",
    });
  });

  test("a 503 for a read that may work later, else a 500", () => {
    expect([toRefusal(fault(true), false).status, toRefusal(fault(), false).status]).toEqual([503, 500]);
  });

  test("a bare 500 when nobody foresaw it", () => {
    for (const thrown of [new TypeError("x is not a function"), "text", undefined, { statusCode: 400 }])
      expect(toRefusal(thrown, false)).toMatchObject({ status: 500, code: "ERR_HTTP_INTERNAL" });
  });
});

test("the OpenAI routes, known or not, have OpenAI's shape", () => {
  expect(["/v1", "/v1/x", "/v1x", "/api/v1/rig", "/"].map(familyOf)).toEqual(["openai", "openai", "api", "api", "api"]);
});

test("a missing key is told in the words that OpenAI's clients know", () => {
  const refusal = { status: 401, code: "ERR_HTTP_TOKEN", message: "no", mend: "send it" } as const;
  expect(toErrorBody(refusal, "openai")).toEqual({
    error: { message: "no: send it", type: "authentication_error", param: null, code: "invalid_api_key" },
  });
  expect(toErrorBody(refusal, "page")).toEqual({ error: { code: "ERR_HTTP_TOKEN", message: "no", mend: "send it" } });
});
