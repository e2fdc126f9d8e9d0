import { describe, expect, test } from "vitest";
import type { Mode, Workload } from "../../../src/ledger/rows.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { GpuFacts, SwitchRules } from "../../../src/policy/types.ts";
import { toUsdNano, usdNano, usdPerHour } from "../../../src/units/money.ts";
import { seconds, unixMs } from "../../../src/units/time.ts";
import {
  ago,
  brief,
  FACTS,
  NO_LENDING,
  NO_QUEUE,
  NOW,
  owns,
  PAYING,
  POOR,
  RICH,
  RULES,
  SPENT,
} from "./decide-facts.ts";

interface Case {
  readonly reason: string;
  readonly facts: Partial<GpuFacts>;
  readonly rules?: SwitchRules;
  readonly is: string;
}

function check(cases: readonly Case[]): void {
  test.each(cases)("$reason", ({ facts, rules = RULES, is }) => {
    const decision = decide({ ...FACTS, ...facts }, rules, NOW);
    expect(brief(decision)).toBe(is);
    expect(decision.gpu).toBe("GPU-1");
    expect(decision.why.length).toBeGreaterThan(0);
  });
}

describe("case 1, the operator's mode", () => {
  const modes: readonly [Mode, Workload, string][] = [
    ["mine", "none", "hashing mode"],
    ["mine", "inference", "hashing mode"],
    ["mine", "hashing", "keep mode"],
    ["serve", "hashing", "inference mode"],
    ["serve", "inference", "keep mode"],
    ["pause", "hashing", "none mode"],
    ["pause", "inference", "none mode"],
    ["pause", "none", "keep mode"],
    ["release", "inference", "none mode"],
    ["release", "none", "keep mode"],
  ];
  test.each(modes)("%s from %s gives %s", (mode, workload, is) => {
    expect(brief(decide({ ...FACTS, mode, workload }, RULES, NOW))).toBe(is);
  });

  check([
    {
      reason: "is obeyed at once, whatever dwell, caps, cost and queue say",
      facts: {
        mode: "pause",
        workload: "inference",
        since: NOW,
        queue: { ...RICH, active: 3 },
        priceSwitchesToday: 99,
        gapSwitchesLastHour: 99,
      },
      is: "none mode",
    },
    { reason: "auto demands nothing", facts: { mode: "auto" }, is: "keep owner" },
    { reason: "observe decides as auto does", facts: { mode: "observe", queue: RICH }, is: "inference arrival" },
  ]);

  test("says who wanted it", () => {
    expect(decide({ ...FACTS, mode: "pause" }, RULES, NOW).why).toBe("the operator set mode pause");
  });
});

describe("cases 2 to 6, while inference has the GPU", () => {
  const serving = { workload: "inference" } as const;
  const mine = { ...serving, owner: owns("inference") } as const;
  check([
    {
      reason: "2: a loan that earns less than the owner lost is called, while tiny requests trickle in",
      facts: { ...serving, loan: SPENT, queue: { ...POOR, active: 1 }, idleSince: NOW },
      is: "hashing loan-spent",
    },
    {
      reason: "2: a loan that pays is not called",
      facts: { ...serving, loan: PAYING, queue: { ...NO_QUEUE, active: 1 } },
      is: "keep serving",
    },
    {
      reason: "2: nor one that pays just what the owner lost",
      facts: { ...serving, loan: { worth: usdNano(10), cost: usdNano(10) }, queue: { ...NO_QUEUE, active: 1 } },
      is: "keep serving",
    },
    {
      reason: "2: the operator's order to serve is no loan",
      facts: { ...serving, mode: "serve", loan: SPENT },
      is: "keep mode",
    },
    {
      reason: "3: a running request is never left",
      facts: { ...serving, queue: { ...NO_QUEUE, active: 1 }, since: ago(9e6) },
      is: "keep serving",
    },
    { reason: "3: nor one that is about to run", facts: { ...serving, queue: POOR }, is: "keep serving" },
    { reason: "4: without lending an owner keeps its gaps", facts: mine, rules: NO_LENDING, is: "keep owner" },
    {
      reason: "4: an owner keeps the GPU where nothing else could use the gaps",
      facts: { ...mine, gapWork: { workload: "none" }, gapNet: usdPerHour(-0.01), idleSince: ago(9e6) },
      is: "keep owner",
    },
    {
      reason: "5: the next request is waited for as long as the gap takes to earn a round trip",
      facts: { ...mine, idleSince: ago(3999) },
      is: "keep linger",
    },
    {
      reason: "5: also where inference only borrowed the GPU",
      facts: { ...serving, idleSince: ago(3999) },
      is: "keep linger",
    },
    {
      reason: "5: lingering begins when the last request ends",
      facts: { ...serving, idleSince: NOW },
      is: "keep linger",
    },
    {
      reason: "5: longer where the gap would earn less",
      facts: { ...mine, gapNet: usdPerHour(0.45), idleSince: ago(7999) },
      is: "keep linger",
    },
    { reason: "6: and not a moment longer", facts: { ...mine, idleSince: ago(4000) }, is: "hashing lent-back" },
    { reason: "6: a borrower gives back to the owner", facts: serving, is: "hashing lent-back" },
    {
      reason: "6: also without lending, when ownership has moved on",
      facts: serving,
      rules: NO_LENDING,
      is: "hashing lent-back",
    },
    {
      reason: "6: a borrower gives back to rest where nothing pays",
      facts: { ...serving, owner: owns("none"), gapWork: { workload: "none" }, gapNet: usdPerHour(0) },
      is: "none lent-back",
    },
    {
      reason: "6: the minimum dwell is for prices, not for gaps",
      facts: { ...mine, since: ago(5000), idleSince: ago(5000) },
      is: "hashing lent-back",
    },
    {
      reason: "6: an owner stops lending at the cap, or its next request would have to wait out the hour",
      facts: { ...mine, gapSwitchesLastHour: 12 },
      is: "keep gap-cap",
    },
    {
      reason: "6: at the cap a borrowed GPU is not handed back, or the next request would have to wait out the hour",
      facts: { ...serving, loan: PAYING, gapSwitchesLastHour: 12 },
      is: "keep gap-cap",
    },
    {
      reason: "6: and requests go on being served",
      facts: { ...serving, loan: PAYING, gapSwitchesLastHour: 12, queue: RICH },
      is: "keep serving",
    },
    {
      reason: "2: until the loan is spent",
      facts: { ...serving, loan: SPENT, gapSwitchesLastHour: 12, queue: RICH },
      is: "hashing loan-spent",
    },
    {
      reason: "6: inference keeps the GPU when it is the gap's work itself",
      facts: { ...mine, gapWork: { workload: "inference" } },
      is: "keep lent-back",
    },
  ]);

  test("lingering says when it ends, so that the loop looks again then", () => {
    const decision = decide({ ...FACTS, ...serving, idleSince: ago(1500) }, RULES, NOW);
    expect(decision).toMatchObject({ rule: "linger", lookAgain: NOW + 2500 });
    expect(decision.why).toBe("lingering 4.0 s, what a round trip is worth, for the next request");
  });

  test("the cap says when it has room again, so that the loop looks again then", () => {
    const facts = { ...FACTS, ...serving, gapSwitchesLastHour: 12, gapSwitchFree: unixMs(NOW + 7000) };
    expect(decide(facts, RULES, NOW)).toMatchObject({ rule: "gap-cap", lookAgain: NOW + 7000 });
  });

  test("a loan that is called says who loses by it", () => {
    const why = decide({ ...FACTS, ...serving, loan: SPENT }, RULES, NOW).why;
    expect(why).toBe("what was asked no longer covers what hashing would have earned");
  });

  test("counts requests in words", () => {
    const one = { ...NO_QUEUE, active: 1 };
    const three = { ...RICH, active: 2 };
    const why = (queue: GpuFacts["queue"]) => decide({ ...FACTS, ...serving, queue }, RULES, NOW).why;
    expect([why(one), why(three)]).toEqual(["answering 1 request", "answering 3 requests"]);
  });
});

describe("case 7, a request waits for a GPU that does something else", () => {
  check([
    { reason: "one that pays for the handover gets the GPU", facts: { queue: RICH }, is: "inference arrival" },
    { reason: "at once, whatever the minimum dwell", facts: { queue: RICH, since: NOW }, is: "inference arrival" },
    {
      reason: "at once, whatever it is worth, on a GPU that rests",
      facts: { workload: "none", queue: POOR },
      is: "inference arrival",
    },
    {
      reason: "a rig that only serves admits requests at price 0",
      facts: {
        workload: "none",
        owner: owns("none"),
        gapWork: { workload: "none" },
        queue: { ...POOR, worth: usdNano(0) },
      },
      rules: NO_LENDING,
      is: "inference arrival",
    },
    {
      reason: "the cap is no reason to let a GPU rest",
      facts: { workload: "none", queue: POOR, gapSwitchesLastHour: 12 },
      is: "inference arrival",
    },
    {
      reason: "an owner is woken at once, whatever it is worth",
      facts: { owner: owns("inference"), queue: { ...POOR, worth: usdNano(0) } },
      is: "inference arrival",
    },
    { reason: "one that does not waits for others", facts: { queue: POOR }, is: "keep arrival-waits" },
    {
      reason: "the same request wakes it where promptness is worth the difference",
      facts: { queue: POOR },
      rules: { ...RULES, wakeValue: toUsdNano(0.01) },
      is: "inference arrival",
    },
    {
      reason: "at the cap it waits, however rich",
      facts: { queue: RICH, gapSwitchesLastHour: 12 },
      is: "keep gap-cap",
    },
    {
      reason: "one under the cap it does not",
      facts: { queue: RICH, gapSwitchesLastHour: 11 },
      is: "inference arrival",
    },
    {
      reason: "the cap does not keep an owner from its own GPU",
      facts: { owner: owns("inference"), queue: RICH, gapSwitchesLastHour: 12 },
      is: "inference arrival",
    },
    {
      reason: "without lending requests do not interrupt: ownership decides",
      facts: { queue: RICH },
      rules: NO_LENDING,
      is: "keep owner",
    },
    {
      reason: "without lending an owner still comes into its own, and without patience",
      facts: { owner: owns("inference"), queue: POOR, since: NOW, priceSwitchesToday: 99 },
      rules: NO_LENDING,
      is: "inference arrival",
    },
  ]);

  test("the cap says when it has room again", () => {
    const facts = { ...FACTS, queue: RICH, gapSwitchesLastHour: 12, gapSwitchFree: unixMs(NOW + 7000) };
    expect(decide(facts, RULES, NOW)).toMatchObject({ rule: "gap-cap", lookAgain: NOW + 7000 });
  });

  test("waiting says until when", () => {
    expect(decide({ ...FACTS, queue: POOR }, RULES, NOW)).toMatchObject({ lookAgain: NOW + 20_000 });
  });
});

describe("cases 8 to 11, nobody asks and ownership decides", () => {
  const changed = { owner: owns("none") } as const;
  check([
    { reason: "8: the owner stays", facts: {}, is: "keep owner" },
    { reason: "8: rest stays where nothing pays", facts: { workload: "none", ...changed }, is: "keep owner" },
    {
      reason: "8: hashing fills the gaps of an owner that lends",
      facts: { owner: owns("inference") },
      is: "keep owner",
    },
    {
      reason: "8: an owner takes a resting GPU back where nothing else could use the gaps",
      facts: { workload: "none", owner: owns("inference"), gapWork: { workload: "none" } },
      is: "inference regret",
    },
    {
      reason: "8: and keeps it",
      facts: { workload: "inference", owner: owns("inference"), gapWork: { workload: "none" } },
      is: "keep owner",
    },
    { reason: "9: leaving a rest needs no patience", facts: { workload: "none", since: NOW }, is: "hashing regret" },
    {
      reason: "9: and no room under the cap",
      facts: { workload: "none", priceSwitchesToday: 20 },
      is: "hashing regret",
    },
    {
      reason: "9: without lending the owner is woken before anybody asks",
      facts: { workload: "none", owner: owns("inference") },
      rules: NO_LENDING,
      is: "inference regret",
    },
    {
      reason: "10: a switch within the minimum dwell waits",
      facts: { ...changed, since: ago(59_999) },
      is: "keep min-dwell",
    },
    {
      reason: "10: a capped switch waits for the next day",
      facts: { ...changed, priceSwitchesToday: 20 },
      is: "keep switch-cap",
    },
    { reason: "10: one under the cap does not", facts: { ...changed, priceSwitchesToday: 19 }, is: "none regret" },
    {
      reason: "11: the owner takes over when the dwell is over",
      facts: { ...changed, since: ago(60_000) },
      is: "none regret",
    },
    {
      reason: "11: hashing that loses money in the gaps ends, too: for the owner, since nothing fills them",
      facts: { owner: owns("inference"), gapWork: { workload: "none" } },
      is: "inference regret",
    },
    {
      reason: "11: inference takes over for its price where nothing is lent",
      facts: { owner: owns("inference") },
      rules: NO_LENDING,
      is: "inference regret",
    },
  ]);

  test("a dwell says when it is over", () => {
    const decision = decide({ ...FACTS, ...changed, since: ago(20_000) }, RULES, NOW);
    expect(decision).toMatchObject({ rule: "min-dwell", lookAgain: NOW + 40_000 });
  });

  test("says what fills the gaps, and nothing of gaps that nothing fills", () => {
    const why = (gap: Workload) =>
      decide({ ...FACTS, workload: gap, owner: owns("inference"), gapWork: { workload: gap } }, RULES, NOW).why;
    expect(why("hashing")).toBe("inference pays most; hashing fills the gaps between requests");
    expect(why("none")).toBe("inference pays most");
  });
});

test("a clock that was set back keeps the dwell, and never throws", () => {
  const decision = decide({ ...FACTS, owner: owns("none"), since: unixMs(NOW + 3_600_000) }, RULES, NOW);
  expect(brief(decision)).toBe("keep min-dwell");
});

test("a short linger is said in milliseconds", () => {
  const cheap = { roundTrip: seconds(0.34), roundTripCost: usdNano(1000) };
  const facts: GpuFacts = { ...FACTS, workload: "inference", idleSince: NOW, ...cheap };
  expect(decide(facts, RULES, NOW).why).toContain("lingering 340 ms");
});

describe("a linger that was learned", () => {
  const idle = (length: number): GpuFacts => ({
    ...FACTS,
    workload: "inference",
    owner: owns("inference"),
    idleSince: ago(length),
    linger: seconds(2),
  });
  test("counts instead of what a round trip is worth, and says so", () => {
    const decision = decide(idle(1500), RULES, NOW);
    expect(decision).toMatchObject({ rule: "linger", lookAgain: NOW + 500 });
    expect(decision.why).toBe("lingering 2.0 s, as the last requests have taught, for the next request");
    expect(brief(decide(idle(2000), RULES, NOW))).toBe("hashing lent-back");
  });
});
