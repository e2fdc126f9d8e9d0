import { describe, expect, test } from "vitest";
import type { Mode, Workload } from "../../../src/ledger/rows.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Decision, GpuFacts, Owner, SwitchRules } from "../../../src/policy/types.ts";
import { toUsdNano, usdNano, usdPerHour } from "../../../src/units/money.ts";
import { minutes, seconds, type UnixMs, unixMs } from "../../../src/units/time.ts";

const NOW = unixMs(1_760_000_000_000);
const ago = (length: number): UnixMs => unixMs(NOW - length);
const owns = (workload: Workload): Owner => ({ workload, why: `${workload} pays most` });
const NO_QUEUE = { waiting: 0, active: 0, worth: usdNano(0) };
/** One request that pays for its handover, and one that does not. */
const RICH = { waiting: 1, active: 0, worth: toUsdNano(1), oldest: NOW };
const POOR = { waiting: 1, active: 0, worth: usdNano(5), oldest: ago(10_000) };

const FACTS: GpuFacts = {
  gpu: "GPU-1",
  mode: "auto",
  workload: "hashing",
  since: ago(600_000),
  owner: owns("hashing"),
  gapWorkload: "hashing",
  gapNet: usdPerHour(0.9),
  queue: NO_QUEUE,
  idleSince: ago(600_000),
  roundTrip: seconds(4),
  roundTripCost: toUsdNano(0.001),
  priceSwitchesToday: 0,
  gapSwitchesLastHour: 0,
};
const RULES: SwitchRules = {
  minDwell: minutes(1),
  maxPriceSwitchesPerDay: 20,
  maxGapSwitchesPerHour: 12,
  lending: true,
  wakeValue: usdNano(0),
  maxWait: seconds(30),
};
const NO_LENDING: SwitchRules = { ...RULES, lending: false };

/** `keep rule`, or `workload rule` for a switch. */
const brief = (decision: Decision): string => `${decision.action === "keep" ? "keep" : decision.to} ${decision.rule}`;

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

describe("cases 2 to 5, while inference has the GPU", () => {
  const serving = { workload: "inference" } as const;
  const mine = { ...serving, owner: owns("inference") } as const;
  check([
    {
      reason: "2: a running request is never left",
      facts: { ...serving, queue: { ...NO_QUEUE, active: 1 }, since: ago(9e6) },
      is: "keep serving",
    },
    { reason: "2: nor one that is about to run", facts: { ...serving, queue: POOR }, is: "keep serving" },
    { reason: "3: without lending an owner keeps its gaps", facts: mine, rules: NO_LENDING, is: "keep owner" },
    {
      reason: "4: the next request is waited for as long as leaving and coming back takes",
      facts: { ...mine, idleSince: ago(3999) },
      is: "keep linger",
    },
    {
      reason: "4: also where inference only borrowed the GPU",
      facts: { ...serving, idleSince: ago(3999) },
      is: "keep linger",
    },
    {
      reason: "4: lingering begins when the last request ends",
      facts: { ...serving, idleSince: NOW },
      is: "keep linger",
    },
    { reason: "5: and not a moment longer", facts: { ...mine, idleSince: ago(4000) }, is: "hashing lent-back" },
    { reason: "5: a borrower gives back to the owner", facts: serving, is: "hashing lent-back" },
    {
      reason: "5: also without lending, when ownership has moved on",
      facts: serving,
      rules: NO_LENDING,
      is: "hashing lent-back",
    },
    {
      reason: "5: the gap rests where hashing loses money",
      facts: { ...mine, gapWorkload: "none" },
      is: "none lent-back",
    },
    {
      reason: "5: a borrower gives back to rest where nothing pays",
      facts: { ...serving, owner: owns("none"), gapWorkload: "none" },
      is: "none lent-back",
    },
    {
      reason: "5: the minimum dwell is for prices, not for gaps",
      facts: { ...mine, since: ago(5000), idleSince: ago(5000) },
      is: "hashing lent-back",
    },
    {
      reason: "5: an owner stops lending at the cap, or its next request would have to wait out the hour",
      facts: { ...mine, gapSwitchesLastHour: 12 },
      is: "keep gap-cap",
    },
    {
      reason: "5: a borrower gives back at the cap all the same",
      facts: { ...serving, gapSwitchesLastHour: 12 },
      is: "hashing lent-back",
    },
    {
      reason: "5: inference keeps the GPU when it is the gap's work itself",
      facts: { ...mine, gapWorkload: "inference" },
      is: "keep lent-back",
    },
  ]);

  test("lingering says when it ends, so that the loop looks again then", () => {
    const decision = decide({ ...FACTS, ...serving, idleSince: ago(1500) }, RULES, NOW);
    expect(decision).toMatchObject({ rule: "linger", lookAgain: NOW + 2500 });
    expect(decision.why).toBe("lingering 4.0 s, one round trip, for the next request");
  });

  test("counts requests in words", () => {
    const one = { ...NO_QUEUE, active: 1 };
    const three = { ...RICH, active: 2 };
    const why = (queue: GpuFacts["queue"]) => decide({ ...FACTS, ...serving, queue }, RULES, NOW).why;
    expect([why(one), why(three)]).toEqual(["answering 1 request", "answering 3 requests"]);
  });
});

describe("case 6, a request waits for a GPU that does something else", () => {
  check([
    { reason: "one that pays for the handover gets the GPU", facts: { queue: RICH }, is: "inference arrival" },
    { reason: "at once, whatever the minimum dwell", facts: { queue: RICH, since: NOW }, is: "inference arrival" },
    { reason: "also from a GPU that rests", facts: { workload: "none", queue: RICH }, is: "inference arrival" },
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
      reason: "without lending an owner still comes into its own",
      facts: { owner: owns("inference"), queue: RICH },
      rules: NO_LENDING,
      is: "inference regret",
    },
  ]);

  test("waiting says until when", () => {
    expect(decide({ ...FACTS, queue: POOR }, RULES, NOW)).toMatchObject({ lookAgain: NOW + 20_000 });
  });
});

describe("cases 7 to 10, nobody asks and ownership decides", () => {
  const changed = { owner: owns("none") } as const;
  check([
    { reason: "7: the owner stays", facts: {}, is: "keep owner" },
    { reason: "7: rest stays where nothing pays", facts: { workload: "none", ...changed }, is: "keep owner" },
    {
      reason: "7: hashing fills the gaps of an owner that lends",
      facts: { owner: owns("inference") },
      is: "keep owner",
    },
    {
      reason: "7: rest fills them where hashing loses money",
      facts: { workload: "none", owner: owns("inference"), gapWorkload: "none" },
      is: "keep owner",
    },
    { reason: "8: leaving a rest needs no patience", facts: { workload: "none", since: NOW }, is: "hashing regret" },
    {
      reason: "8: and no room under the cap",
      facts: { workload: "none", priceSwitchesToday: 20 },
      is: "hashing regret",
    },
    {
      reason: "8: without lending the owner is woken before anybody asks",
      facts: { workload: "none", owner: owns("inference") },
      rules: NO_LENDING,
      is: "inference regret",
    },
    {
      reason: "9: a switch within the minimum dwell waits",
      facts: { ...changed, since: ago(59_999) },
      is: "keep min-dwell",
    },
    {
      reason: "9: a capped switch waits for the next day",
      facts: { ...changed, priceSwitchesToday: 20 },
      is: "keep switch-cap",
    },
    { reason: "9: one under the cap does not", facts: { ...changed, priceSwitchesToday: 19 }, is: "none regret" },
    {
      reason: "10: the owner takes over when the dwell is over",
      facts: { ...changed, since: ago(60_000) },
      is: "none regret",
    },
    {
      reason: "10: hashing that loses money in the gaps ends, too",
      facts: { owner: owns("inference"), gapWorkload: "none" },
      is: "none regret",
    },
    {
      reason: "10: inference takes over for its price where nothing is lent",
      facts: { owner: owns("inference") },
      rules: NO_LENDING,
      is: "inference regret",
    },
  ]);

  test("a dwell says when it is over", () => {
    const decision = decide({ ...FACTS, ...changed, since: ago(20_000) }, RULES, NOW);
    expect(decision).toMatchObject({ rule: "min-dwell", lookAgain: NOW + 40_000 });
  });

  test("says what fills the gaps", () => {
    const why = (gapWorkload: Workload) =>
      decide({ ...FACTS, workload: gapWorkload, owner: owns("inference"), gapWorkload }, RULES, NOW).why;
    expect(why("hashing")).toBe("inference pays most; hashing fills the gaps between requests");
    expect(why("none")).toBe("inference pays most; rest fills the gaps between requests");
  });
});

test("a clock that was set back keeps the dwell, and never throws", () => {
  const decision = decide({ ...FACTS, owner: owns("none"), since: unixMs(NOW + 3_600_000) }, RULES, NOW);
  expect(brief(decision)).toBe("keep min-dwell");
});

test("a short round trip is said in milliseconds", () => {
  const facts: GpuFacts = { ...FACTS, workload: "inference", idleSince: NOW, roundTrip: seconds(0.34) };
  expect(decide(facts, RULES, NOW).why).toContain("lingering 340 ms");
});
