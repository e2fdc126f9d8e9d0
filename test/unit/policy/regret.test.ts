import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Workload } from "../../../src/ledger/rows.ts";
import { advance, type Sight, startWork } from "../../../src/policy/price/work-function.ts";
import {
  addRegret,
  explainOwner,
  type Regret,
  regretShare,
  startRegret as startAs,
} from "../../../src/policy/regret.ts";
import { bestOf } from "../../../src/policy/replay/rule.ts";
import type { Candidate } from "../../../src/policy/types.ts";
import { toUsd, toUsdNano, usdNano, usdPerHour } from "../../../src/units/money.ts";
import { hours, millis, minutes, seconds, toHours } from "../../../src/units/time.ts";

type Rates = Readonly<Partial<Record<Workload, number>>>;
interface Step {
  readonly length: number;
  readonly rates: Rates;
}

const LABELS: Readonly<Partial<Record<Workload, string>>> = { hashing: "devcoin", inference: "tiny", none: "rest" };
const candidates = (rates: Rates): readonly Candidate[] =>
  Object.entries(rates).map(([workload, net]) => ({
    workload: workload as Workload,
    label: LABELS[workload as Workload] ?? workload,
    net: usdPerHour(net),
  }));
const ROUND_TRIP = toUsdNano(2);
const startRegret = (workload: Workload) => startAs({ workload });
/** A look at rates that surely hold for `length`, and another one when that is over. */
function add(state: Regret, rates: Rates, length = hours(1), cost = ROUND_TRIP): Regret {
  const promised = candidates(rates).map((one) => ({ ...one, holdsWith: () => millis(length) }));
  const before = addRegret(state, promised, millis(0), () => cost);
  return addRegret(before, candidates(rates), millis(length), () => cost);
}

/** The owner after each step, by one counter of the given patience. */
function ownersOf(start: Workload, steps: readonly Step[], cost = ROUND_TRIP, patience = 1): readonly Workload[] {
  const columns = Object.keys(steps[0]?.rates ?? {}) as Workload[];
  const state = startWork(columns.indexOf(start), columns.length);
  return steps.map((step) => {
    advance(state, sightOf(columns, step, toUsd(cost) / 2), patience);
    return columns[state.owner] ?? start;
  });
}

function sightOf(columns: readonly Workload[], { rates, length }: Step, oneWayUsd: number): Sight {
  const values = Float64Array.from(columns, (workload) => rates[workload] ?? 0);
  const oneWay = new Float64Array(columns.length ** 2).fill(oneWayUsd);
  for (const index of columns.keys()) oneWay[index * columns.length + index] = 0;
  const span = toHours(millis(length));
  return { rates: values, best: bestOf(values), oneWay, hours: span, ahead: span, mayMove: true };
}

/** A length that is a whole number of 1024ths of an hour: with whole rates every sum below is exact in binary. */
const EXACT_MS = 3_600_000 / 1024;
const rate = fc.integer({ min: -6, max: 6 });
const traceOf = (rates: fc.Arbitrary<Rates>) =>
  fc.array(fc.record({ length: fc.integer({ min: 1, max: 400 }).map((n) => n * EXACT_MS), rates }), {
    minLength: 1,
    maxLength: 80,
  });
const twoStates = traceOf(fc.record({ hashing: rate, inference: rate }));
const threeStates = traceOf(fc.record({ hashing: rate, inference: rate, none: fc.constant(0) }));

/** A2 of the notes, as it is written there: a counter floored at 0 that switches at one round trip. */
function regretCounter(start: Workload, steps: readonly Step[], roundTripUsd: number): readonly Workload[] {
  let owner = start;
  let missed = 0;
  return steps.map(({ length, rates }) => {
    const other: Workload = owner === "hashing" ? "inference" : "hashing";
    missed = Math.max(0, missed + ((rates[other] ?? 0) - (rates[owner] ?? 0)) * (length / 3_600_000));
    if (missed >= roundTripUsd) {
      owner = other;
      missed = 0;
    }
    return owner;
  });
}

const lossOf = ({ length, rates }: Step, workload: Workload): number =>
  (Math.max(...Object.values(rates)) - (rates[workload] ?? 0)) * toHours(millis(length));

/** The least that anybody who knows the whole trace could lose, by dynamic programming over (step, workload). */
function clairvoyantLoss(start: Workload, steps: readonly Step[], oneWayUsd: number): number {
  const workloads = Object.keys(steps[0]?.rates ?? {}) as Workload[];
  let least = new Map(workloads.map((workload) => [workload, workload === start ? 0 : oneWayUsd]));
  for (const step of steps) {
    const stays = new Map([...least].map(([workload, loss]) => [workload, loss + lossOf(step, workload)]));
    least = new Map(
      workloads.map((to) => [to, Math.min(...[...stays].map(([from, loss]) => loss + (from === to ? 0 : oneWayUsd)))]),
    );
  }
  return Math.min(...least.values());
}

/** What following `owners` lost, switches included. */
function lossAlong(start: Workload, steps: readonly Step[], owners: readonly Workload[], oneWayUsd: number): number {
  let at = start;
  return owners.reduce((sum, owner, index) => {
    const step = steps[index];
    const moved = owner === at ? 0 : oneWayUsd;
    at = owner;
    return sum + moved + (step === undefined ? 0 : lossOf(step, owner));
  }, 0);
}

describe("for two workloads", () => {
  test("the work function is the regret counter that switches at one round trip", () => {
    fc.assert(
      fc.property(twoStates, fc.integer({ min: 1, max: 8 }), (steps, roundTripUsd) => {
        const cost = toUsdNano(roundTripUsd);
        expect(ownersOf("hashing", steps, cost)).toEqual(regretCounter("hashing", steps, roundTripUsd));
      }),
      { numRuns: 500 },
    );
  });

  test("the loss stays under three times the clairvoyant's and one round trip", () => {
    fc.assert(
      fc.property(twoStates, fc.integer({ min: 1, max: 8 }), (steps, roundTripUsd) => {
        const owners = ownersOf("hashing", steps, toUsdNano(roundTripUsd));
        const lost = lossAlong("hashing", steps, owners, roundTripUsd / 2);
        expect(lost).toBeLessThanOrEqual(3 * clairvoyantLoss("hashing", steps, roundTripUsd / 2) + roundTripUsd + 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  test("an adversary that turns the prices over after every switch gets three times the clairvoyant's loss, not more", () => {
    const steps: Step[] = [];
    const columns: readonly Workload[] = ["hashing", "inference"];
    const state = startWork(0, 2);
    for (let index = 0; index < 4000; index++) {
      const rates = state.owner === 0 ? { hashing: 0, inference: 1 } : { hashing: 1, inference: 0 };
      const step = { length: minutes(1), rates };
      steps.push(step);
      advance(state, sightOf(columns, step, 1), 1);
    }
    const owners = ownersOf("hashing", steps);
    const lost = lossAlong("hashing", steps, owners, 1);
    const best = clairvoyantLoss("hashing", steps, 1);

    expect(lost / best).toBeGreaterThan(2.9);
    expect(lost).toBeLessThanOrEqual(3 * best + 2);
  });

  test("a lead that comes and goes in less than a round trip is never followed", () => {
    const flicker = Array.from({ length: 500 }, (_, index) => ({
      length: minutes(30),
      rates: { hashing: 0, inference: index % 2 === 0 ? 3 : -3 },
    }));
    expect(new Set(ownersOf("hashing", flicker))).toEqual(new Set(["hashing"]));
  });
});

describe("for three workloads", () => {
  test("the loss stays under five times the clairvoyant's and two round trips", () => {
    fc.assert(
      fc.property(threeStates, fc.integer({ min: 1, max: 8 }), (steps, roundTripUsd) => {
        const owners = ownersOf("hashing", steps, toUsdNano(roundTripUsd));
        const lost = lossAlong("hashing", steps, owners, roundTripUsd / 2);
        expect(lost).toBeLessThanOrEqual(
          5 * clairvoyantLoss("hashing", steps, roundTripUsd / 2) + 2 * roundTripUsd + 1e-9,
        );
      }),
      { numRuns: 500 },
    );
  });

  test("the owner goes to what pays most among those that are a whole switch ahead", () => {
    const state = add(startRegret("hashing"), { hashing: 0, inference: 5, none: 4 });
    expect(state.owner.workload).toBe("inference");
  });

  test("two losing workloads hand the GPU to rest", () => {
    const rates = { hashing: -1, inference: -0.5, none: 0 };
    expect(
      ownersOf(
        "hashing",
        [1, 2].map(() => ({ length: hours(1), rates })),
      ),
    ).toEqual(["hashing", "none"]);
  });
});

describe("what the owner is worth", () => {
  const steps: readonly [string, Workload, Rates, Workload][] = [
    ["half a round trip missed is no reason to go", "hashing", { hashing: 0, inference: 1 }, "hashing"],
    ["a whole round trip missed is", "hashing", { hashing: 0, inference: 2 }, "inference"],
    ["what counts is the difference, also between losses", "hashing", { hashing: -3, inference: -1 }, "inference"],
    ["the smaller loss is kept", "hashing", { hashing: -1, inference: -3 }, "hashing"],
    ["equal worth moves nobody", "inference", { hashing: 1, inference: 1 }, "inference"],
    ["an unknown owner stays: nothing says that the others beat it", "hashing", { inference: 9, none: 0 }, "hashing"],
    ["an unknown rival never wins", "hashing", { hashing: -5 }, "hashing"],
    ["a rate that is no number is unknown", "hashing", { hashing: Number.NaN, none: 0 }, "hashing"],
    [
      "a rival whose rate is no number does not spoil the sum",
      "hashing",
      { hashing: 0, inference: 2, lease: Number.NaN },
      "inference",
    ],
    [
      "a rival that pays infinitely is a broken price",
      "hashing",
      { hashing: 0, inference: Number.POSITIVE_INFINITY },
      "hashing",
    ],
    ["nothing known at all changes nothing", "hashing", {}, "hashing"],
  ];
  test.each(steps)("%s", (_reason, owner, rates, expected) => {
    expect(add(startRegret(owner), rates).owner.workload).toBe(expected);
  });

  test("an owner that was unknown for a while goes on where it stood", () => {
    const before = add(startRegret("hashing"), { hashing: 0, inference: 1.5 });
    const unknown = add(before, { inference: 1.5 }, hours(24));
    expect(unknown).toEqual({ ...before, rates: undefined });
    expect(regretShare(unknown)).toBe(regretShare(before));
    expect(add(unknown, { hashing: 0, inference: 0.5 }).owner.workload).toBe("inference");
  });

  test("a rival that was unknown for a while has to earn its lead anew", () => {
    const ahead = add(startRegret("hashing"), { hashing: 0, inference: 1.5, none: -1 });
    const gone = add(ahead, { hashing: 0, none: -1 });
    expect(add(gone, { hashing: 0, inference: 1.5, none: -1 }).owner.workload).toBe("hashing");
  });

  test("time that did not pass adds nothing", () => {
    expect(add(startRegret("hashing"), { hashing: 0, inference: 1e6 }, millis(0)).owner.workload).toBe("hashing");
  });
});

describe("the cost of a round trip", () => {
  test("that fell makes an old regret enough, though ways back still count at half of what they were", () => {
    const state = add(startRegret("hashing"), { hashing: 0, inference: 1.9 });
    expect(state.owner.workload).toBe("hashing");
    expect(add(state, { hashing: 0, inference: 0 }, millis(0), toUsdNano(0.9)).owner.workload).toBe("inference");
  });

  test("that rose asks for more than was missed", () => {
    const state = add(startRegret("hashing"), { hashing: 0, inference: 1.5 });
    expect(add(state, { hashing: 0, inference: 1 }, hours(1), toUsdNano(20)).owner.workload).toBe("hashing");
  });

  test("of nothing still takes something to be missed", () => {
    expect(add(startRegret("hashing"), { hashing: 1, inference: 1 }, hours(1), usdNano(0)).owner.workload).toBe(
      "hashing",
    );
    expect(add(startRegret("hashing"), { hashing: 1, inference: 2 }, hours(1), usdNano(0)).owner.workload).toBe(
      "inference",
    );
  });
});

describe("fractions of a nano-USD", () => {
  // 1e-6 USD an hour is 0.28 nano-USD a second: rounded every second it would be nothing for ever.
  const SLIGHT = { hashing: 0, inference: 1e-6 };

  test("add up to a switch when looked at every second", () => {
    let state = startRegret("hashing");
    for (let second = 0; second < 3600; second++) state = add(state, SLIGHT, seconds(1), usdNano(990));
    expect(state.owner.workload).toBe("inference");
  });

  test("come to the same whether time is cut fine or coarse", () => {
    const cost = usdNano(5000);
    let fine = startRegret("hashing");
    for (let step = 0; step < 6000; step++) fine = add(fine, SLIGHT, millis(100 * 6), cost);
    const coarse = add(startRegret("hashing"), SLIGHT, hours(1), cost);
    expect(regretShare(fine)).toBeCloseTo(regretShare(coarse), 9);
    expect(regretShare(coarse)).toBeCloseTo(0.2, 9);
  });
});

describe("how far a switch is", () => {
  const shareAfter = (missed: number) =>
    regretShare(add(startRegret("hashing"), { hashing: 0, inference: missed }, hours(1), toUsdNano(100)));

  test("is nothing before anything was seen, and nothing while the owner leads", () => {
    expect(regretShare(startRegret("hashing"))).toBe(0);
    expect(regretShare(add(startRegret("hashing"), { hashing: 5, inference: 0 }))).toBe(0);
  });

  test("is the missed part of a round trip, never under 0 nor over 1", () => {
    expect(regretShare(add(startRegret("hashing"), { hashing: 0, inference: 0.5 }))).toBeCloseTo(0.25, 12);
    expect(shareAfter(0)).toBe(0);
    expect(shareAfter(99)).toBeCloseTo(0.99, 9);
    fc.assert(
      fc.property(twoStates, (steps) => {
        let state = startRegret("hashing");
        for (const { length, rates } of steps) {
          state = add(state, rates, millis(length));
          const share = regretShare(state);
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThan(1);
        }
      }),
    );
  });
});

describe("the sentence for the owner", () => {
  const explain = (state: Regret, rates: Rates) => explainOwner(state, candidates(rates));

  test("says that it pays most", () => {
    const rates = { hashing: 2, inference: 1 };
    expect(explain(add(startRegret("hashing"), rates), rates)).toEqual({
      workload: "hashing",
      why: "devcoin pays most after electricity",
    });
  });

  test("says who leads, and how much of a switch has been missed", () => {
    const rates = { hashing: 0, inference: 0.5 };
    expect(explain(add(startRegret("hashing"), rates), rates)).toEqual({
      workload: "hashing",
      why: "tiny pays more now, but only 25 % of a switch's cost has been missed so far",
    });
  });

  test("does not claim that an owner of unknown worth pays", () => {
    expect(explain(startRegret("hashing"), { none: 0 })).toEqual({
      workload: "hashing",
      why: "what hashing is worth is not known yet, so nothing can beat it",
    });
  });

  test("counts the owner as best among equals", () => {
    const rates = { inference: 1, hashing: 1 };
    expect(explain(startRegret("hashing"), rates).why).toBe("devcoin pays most after electricity");
  });
});

describe("the counters side by side", () => {
  /** An adversary that turns the prices over whenever the rule has moved. */
  const turned = (count: number): { readonly steps: readonly Step[]; readonly owners: readonly Workload[] } => {
    let state = startRegret("hashing");
    const steps: Step[] = [];
    const owners: Workload[] = [];
    for (let index = 0; index < count; index++) {
      const rates = state.owner.workload === "hashing" ? { hashing: 0, inference: 1 } : { hashing: 1, inference: 0 };
      steps.push({ length: minutes(1), rates });
      state = add(state, rates, minutes(1));
      owners.push(state.owner.workload);
    }
    return { steps, owners };
  };

  test("lose at most five times what a clairvoyant loses, even to an adversary", () => {
    const { steps, owners } = turned(4000);
    const lost = lossAlong("hashing", steps, owners, 1);
    expect(lost / clairvoyantLoss("hashing", steps, 1)).toBeLessThan(5);
  });

  test("leave the state before as it was", () => {
    const before = add(startRegret("hashing"), { hashing: 0, inference: 1.5 });
    const share = regretShare(before);
    expect(add(before, { hashing: 0, inference: 0.5 }).owner.workload).toBe("inference");
    expect(regretShare(before)).toBe(share);
    expect(add(before, { hashing: 0, inference: 0.4 }).owner.workload).toBe("hashing");
  });

  test("grow eager where leads last, so that a quarter of a round trip is enough", () => {
    let state = startRegret("hashing");
    for (let day = 0; day < 40; day++)
      for (let minute = 0; minute < 720; minute++)
        state = add(state, day % 2 === 0 ? { hashing: 0, inference: 1 } : { hashing: 1, inference: 0 }, minutes(1));
    expect(state.portfolio?.patience).toBe(0.25);
  });

  test("grow patient where leads turn over at once", () => {
    let state = startRegret("hashing");
    let seed = 1;
    for (let look = 0; look < 20_000; look++) {
      seed = (seed * 48_271) % 2_147_483_647;
      state = add(state, { hashing: 0, inference: (seed / 2_147_483_647 - 0.5) * 60 }, minutes(1), toUsdNano(1));
    }
    expect(state.portfolio?.patience).toBeGreaterThan(1);
  });

  test("take a promised rate as earned for as long as it stands", () => {
    const promised = (holdsFor: number) =>
      candidates({ hashing: 0, inference: 1 }).map((one) => ({ ...one, holdsWith: () => hours(holdsFor) }));
    const look = (holdsFor: number) =>
      addRegret(startRegret("hashing"), promised(holdsFor), seconds(1), () => toUsdNano(0.9)).owner.workload;
    expect(look(0.1)).toBe("hashing");
    expect(look(1)).toBe("inference");
  });
});
