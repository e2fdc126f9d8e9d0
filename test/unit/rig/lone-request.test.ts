import { describe, expect, test } from "vitest";
import { sayTooPoor, warnOfLoneRequest } from "../../../src/rig/lone-request.ts";
import { usdNano, usdPerMillionTokens } from "../../../src/units/money.ts";

const PRICES = { input: usdPerMillionTokens(0.5), output: usdPerMillionTokens(1.5) };
/** 500 × 500 + 200 × 1500 nano-USD. */
const TYPICAL = 550_000;

describe("a request alone", () => {
  test("that is too poor is told the sum, and what the operator can raise", () => {
    const sum = { worth: usdNano(2000), wakeValue: usdNano(0), cost: usdNano(1_020_000) };
    expect(sayTooPoor(sum)).toBe(
      "this request is worth $0.000002 and the handover costs $0.001020; raise inference.wakeValueUsd or the token prices",
    );
    expect(sayTooPoor({ ...sum, wakeValue: usdNano(1000) })).toContain("is worth $0.000003 with its wake value and");
  });

  test("of ordinary size is warned of where it cannot cover the handover, and only there", () => {
    expect(warnOfLoneRequest(PRICES, usdNano(0), usdNano(TYPICAL))).toBeUndefined();
    expect(warnOfLoneRequest(PRICES, usdNano(1), usdNano(TYPICAL + 1))).toBeUndefined();
    expect(warnOfLoneRequest(PRICES, usdNano(0), usdNano(1_020_000))).toBe(
      "a request of 500 tokens in and 200 out is worth $0.000550 and the handover costs $0.001020, " +
        "so alone it wakes no engine: raise inference.wakeValueUsd or the token prices",
    );
  });
});
