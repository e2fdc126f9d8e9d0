import { describe, expect, test } from "vitest";
import { admit } from "../../../src/policy/admission.ts";
import type { Queue, SwitchRules } from "../../../src/policy/types.ts";
import { toUsdNano, type UsdNano, usdNano } from "../../../src/units/money.ts";
import { minutes, seconds, type UnixMs, unixMs } from "../../../src/units/time.ts";

const NOW = unixMs(1_760_000_000_000);
const ago = (length: number): UnixMs => unixMs(NOW - length);
const RULES: SwitchRules = {
  minDwell: minutes(1),
  maxPriceSwitchesPerDay: 20,
  maxGapSwitchesPerHour: 12,
  lending: true,
  wakeValue: usdNano(0),
  maxWait: seconds(30),
};
const COST = toUsdNano(0.001);
const queue = (waiting: number, worth: UsdNano, oldest: UnixMs = NOW): Queue => ({ waiting, active: 0, worth, oldest });
const wakeValue = (usd: number): SwitchRules => ({ ...RULES, wakeValue: toUsdNano(usd) });

describe("waking inference", () => {
  const cases: readonly [string, Queue, SwitchRules, "wake" | "wait"][] = [
    ["one cheap request does not pay for the handover", queue(1, toUsdNano(0.0004)), RULES, "wait"],
    ["three of them do, together", queue(3, toUsdNano(0.0012)), RULES, "wake"],
    ["exactly the handover's cost is enough", queue(1, COST), RULES, "wake"],
    ["a nano-USD less is not", queue(1, usdNano(COST - 1)), RULES, "wait"],
    ["a port scanner's requests are worth nothing, however many", queue(10_000, usdNano(0)), RULES, "wait"],
    ["what promptness is worth to the operator counts once", queue(1, toUsdNano(0.0004)), wakeValue(0.0006), "wake"],
    ["and not for every request again", queue(50, usdNano(0)), wakeValue(0.0005), "wait"],
    ["waiting long does not make a request worth more", queue(1, usdNano(1), ago(29_999)), RULES, "wait"],
  ];
  test.each(cases)("%s", (_reason, waiting, rules, kind) => {
    expect(admit(waiting, COST, rules, NOW).kind).toBe(kind);
  });

  test("is always covered where a handover costs nothing", () => {
    expect(admit(queue(1, usdNano(0)), usdNano(0), RULES, NOW).kind).toBe("wake");
  });

  test("shows the sum it was decided on", () => {
    expect(admit(queue(1, COST), COST, wakeValue(0.5), NOW).why).toBe(
      "$0.001000 of tokens + $0.500000 wake value covers the handover's $0.001000",
    );
  });
});

describe("waiting for more", () => {
  test("ends when the oldest request has waited for as long as any may", () => {
    expect(admit(queue(2, usdNano(0), ago(12_000)), COST, RULES, NOW)).toEqual({
      kind: "wait",
      until: NOW + 18_000,
      why: "$0.000000 of tokens + $0.000000 wake value does not cover the handover's $0.001000; waiting 18 s for more",
    });
  });

  test("never promises a moment that has passed", () => {
    expect(admit(queue(1, usdNano(0), ago(90_000)), COST, RULES, NOW).why).toContain("waiting 0 s for more");
  });

  test("counts from now where no arrival is known", () => {
    expect(admit({ waiting: 1, active: 0, worth: usdNano(0) }, COST, RULES, NOW)).toMatchObject({
      until: NOW + 30_000,
    });
  });
});
