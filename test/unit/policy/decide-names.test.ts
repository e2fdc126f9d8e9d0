import { describe, expect, test } from "vitest";
import type { Work } from "../../../src/ledger/work.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { GpuFacts } from "../../../src/policy/types.ts";
import { ago, brief, FACTS, NOW, owns, PAYING, RICH, RULES } from "./decide-facts.ts";

const A: Work = { workload: "hashing", name: "kaspa" };
const B: Work = { workload: "hashing", name: "ravencoin" };
const MINING: GpuFacts = { ...FACTS, ...A, owner: { ...A, why: "kaspa pays most" }, gapWork: A, hashing: A };
const BETTER = { owner: { ...B, why: "ravencoin pays most" }, gapWork: B, hashing: B };
const said = (facts: Partial<GpuFacts>): string => brief(decide({ ...MINING, ...facts }, RULES, NOW));

describe("one of several flight sheets", () => {
  test("keeps the GPU while it owns it", () => {
    expect(said({})).toBe("keep owner");
  });

  test("hands it to another one that owns it now, as any other work does", () => {
    expect(decide({ ...MINING, ...BETTER }, RULES, NOW)).toMatchObject({ action: "switch", to: B, rule: "regret" });
  });

  test("stays for the minimum dwell, and for good once the day's switches are used up", () => {
    expect(said({ ...BETTER, since: ago(30_000) })).toBe("keep min-dwell");
    expect(said({ ...BETTER, priceSwitchesToday: 20 })).toBe("keep switch-cap");
  });

  test("is what inference hands the gap to", () => {
    const serving = { workload: "inference", owner: owns("inference"), gapWork: B } as const;
    const { name: _, ...unnamed } = MINING;
    expect(brief(decide({ ...unnamed, ...serving }, RULES, NOW))).toBe("hashing ravencoin lent-back");
  });

  test("is named where a request borrows from it", () => {
    const lent = { ...MINING, workload: "inference", loan: { worth: PAYING.cost, cost: PAYING.worth } } as const;
    const { name: _, ...unnamed } = lent;
    expect(decide(unnamed, RULES, NOW).why).toBe(
      "what was asked no longer covers what hashing kaspa would have earned",
    );
  });

  test("lets a request borrow the GPU as before", () => {
    expect(said({ queue: RICH })).toBe("inference arrival");
  });
});

describe("the reason of a switch", () => {
  const moved = { from: A, why: "what was missed has reached a switch's cost" };
  const why = (facts: Partial<GpuFacts>): string => decide({ ...MINING, ...facts }, RULES, NOW).why;

  test("says what tipped it, where the owner took the GPU from what has it now", () => {
    expect(why({ owner: { ...BETTER.owner, moved } })).toBe(
      "ravencoin pays most; what was missed has reached a switch's cost",
    );
  });

  test("does not claim it of work that only stood in, nor of an owner that nobody was left for", () => {
    expect(why({ owner: { ...BETTER.owner, moved: { ...moved, from: { workload: "inference" } } } })).toBe(
      "ravencoin pays most",
    );
    expect(why(BETTER)).toBe("ravencoin pays most");
  });

  test("is that of the flight sheet where hashing is ordered, or only fills the gaps", () => {
    const hashing = { ...B, moved };
    expect(why({ mode: "mine", hashing })).toMatch(/; what was missed has reached a switch's cost$/);
    const lent = { owner: owns("inference"), gapWork: B, hashing };
    expect(decide({ ...MINING, ...lent }, { ...RULES, lending: true }, NOW).why).toMatch(
      /; what was missed has reached a switch's cost$/,
    );
  });

  test("is said when rest is left for it", () => {
    const resting = { workload: "none" } as const;
    const { name: _, ...unnamed } = MINING;
    const owner = { ...BETTER.owner, moved: { ...moved, from: resting } };
    expect(decide({ ...unnamed, ...resting, owner }, RULES, NOW).why).toMatch(/; what was missed/);
  });
});

describe("mode mine", () => {
  const mine = { mode: "mine" } as const;
  test("starts what hashes best, from whatever had the GPU", () => {
    const { name: _, ...resting } = { ...MINING, ...mine, ...BETTER, workload: "none" } as const;
    expect(brief(decide(resting, RULES, NOW))).toBe("hashing ravencoin mode");
  });

  test("orders hashing and no flight sheet: changing it keeps the dwell and the day's cap", () => {
    expect(said({ ...mine, ...BETTER })).toBe("hashing ravencoin regret");
    expect(said({ ...mine, ...BETTER, since: ago(30_000) })).toBe("keep min-dwell");
    expect(said({ ...mine, ...BETTER, priceSwitchesToday: 20 })).toBe("keep switch-cap");
    expect(said(mine)).toBe("keep mode");
  });
});

test("work of one kind and another name is other work, also for externals", () => {
  const rental = { workload: "external", name: "vast" } as const;
  const facts = {
    ...MINING,
    ...rental,
    owner: { workload: "external", name: "salad", why: "salad pays most" },
  } as const;
  expect(brief(decide(facts, RULES, NOW))).toBe("external salad regret");
});
