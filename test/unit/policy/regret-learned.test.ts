import { describe, expect, test } from "vitest";
import type { Workload } from "../../../src/ledger/rows.ts";
import { addRegret, explainOwner, startRegret } from "../../../src/policy/regret.ts";
import type { Candidate } from "../../../src/policy/types.ts";
import { toUsdNano, usdPerHour } from "../../../src/units/money.ts";
import { minutes } from "../../../src/units/time.ts";

/** Its price stands for a minute. */
const candidate = (workload: Workload, net: number): Candidate => ({
  workload,
  label: workload,
  net: usdPerHour(net),
  holdsWith: () => minutes(1),
});

describe("a work whose quotes stray anew every minute", () => {
  /** An hour surely pays 1; the other work one of these, drawn anew. */
  const QUOTES = [0.3, 0.7, 1.2, 1.6, 2.2];
  const says = (() => {
    let [state, seed] = [startRegret({ workload: "hashing" }), 11];
    const said = { owner: new Set<string>(), moved: new Set<string>() };
    for (let minute = 0; minute < 4000; minute++) {
      seed = (seed * 48_271) % 2_147_483_647;
      const quote = QUOTES[seed % QUOTES.length] ?? 0;
      const now = [candidate("hashing", 1), candidate("inference", quote)];
      state = addRegret(state, now, minutes(1), () => toUsdNano((40 / 3600) * Math.max(1, quote)));
      said.owner.add(explainOwner(state, now).why.replace(/\d+/, "N"));
      if (state.moved !== undefined) said.moved.add(state.moved.why);
    }
    return said;
  })();

  test("is weighed with what usually follows, and the sentence says so", () => {
    expect([...says.owner]).toContain(
      "inference pays more now, but with what usually follows that is N % of the way to a switch",
    );
  });

  test("moves the GPU for reasons that are told apart", () => {
    expect([...says.moved]).toEqual(
      expect.arrayContaining([
        "what it surely earns while prices hold, and what usually follows, pay for the switch",
        "weighing what usually follows has earned more of late than the rule before",
      ]),
    );
  });
});
