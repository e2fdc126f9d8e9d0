import { toUsd, type UsdNano } from "../units/money.ts";
import { after, elapsed, type UnixMs } from "../units/time.ts";
import type { Queue, SwitchRules } from "./types.ts";

export type Admission =
  | { readonly kind: "wake"; readonly why: string }
  | { readonly kind: "wait"; readonly until: UnixMs; readonly why: string };

/**
 * Whether what waits is worth waking inference for. Requests coalesce until their worth covers the handover, so that
 * cheap noise cannot stop the mining; one that waits longer than `maxWait` is refused by the queue.
 */
export function admit(queue: Queue, roundTripCost: UsdNano, rules: SwitchRules, now: UnixMs): Admission {
  const worth = queue.worth + rules.wakeValue;
  const sum = `${say(queue.worth)} of tokens + ${say(rules.wakeValue)} wake value`;
  if (worth >= roundTripCost) return { kind: "wake", why: `${sum} covers the handover's ${say(roundTripCost)}` };
  const oldest = queue.oldest ?? now;
  const left = Math.max(0, rules.maxWait - elapsed(oldest, now));
  return {
    kind: "wait",
    until: after(oldest, rules.maxWait),
    why: `${sum} does not cover the handover's ${say(roundTripCost)}; waiting ${Math.ceil(left / 1000)} s for more`,
  };
}

const say = (amount: number): string => `$${toUsd(amount as UsdNano).toFixed(6)}`;
