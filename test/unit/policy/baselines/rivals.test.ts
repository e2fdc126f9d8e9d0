import { describe, expect, test } from "vitest";
import { BASELINES } from "../../../../src/policy/baselines/all.ts";
import type { PriceRule } from "../../../../src/policy/replay/rule.ts";
import { uniformCost } from "../../../../src/policy/replay/trace.ts";

const MINUTE = 60;

/** The workload that a rule has in each step of `step` seconds, under no dwell. */
function follow(name: string, rows: readonly (readonly number[])[], step = MINUTE): readonly number[] {
  const rule = BASELINES.find((one) => one.name === name);
  if (rule === undefined) throw new Error(`no rival ${name}`);
  return followRule(rule, rows, step);
}

function followRule(rule: PriceRule, rows: readonly (readonly number[])[], step: number): readonly number[] {
  const count = rows[0]?.length ?? 0;
  const choose = rule.start({ costs: uniformCost(count, 30), minDwell: 0 });
  let [current, movedAt] = [0, Number.NEGATIVE_INFINITY];
  return rows.map((row, index) => {
    const at = index * step;
    const look = { at, length: step, rates: Float64Array.from(row), current, stay: at - movedAt, mayMove: true };
    const wanted = choose(look);
    if (wanted !== current) [current, movedAt] = [wanted, at];
    return current;
  });
}

const times = (count: number, row: readonly number[]): readonly (readonly number[])[] => Array(count).fill(row);
/** The first step in which another workload runs; -1 for never. */
const movedIn = (path: readonly number[]): number => path.findIndex((one) => one !== 0);

test("every rival has a name of its own and stays where nothing else pays", () => {
  expect(new Set(BASELINES.map(({ name }) => name)).size).toBe(BASELINES.length);
  for (const { name } of BASELINES) expect(follow(name, times(120, [2, 1])), name).toEqual(Array(120).fill(0));
});

test("every rival follows a lead that doubles the rate and stays", () => {
  for (const { name } of BASELINES) expect(movedIn(follow(name, times(240, [1, 2]))), name).toBeGreaterThanOrEqual(0);
});

describe("MultiPoolMiner", () => {
  // Samples 1, 1.5 give an average of 1.5 and a fluctuation of 0.5 after a minute (weight 60/60); then 1.5 again
  // gives weight 60/120: fluctuation 0.25. The discount of the rival is 0.25 × 0.9^2 = 20.25 %: 1.5 × 0.7975 = 1.196.
  const swung = (third: number) => [
    [1.6, 1],
    [1.6, 1.5],
    [third, 1.5],
  ];
  test("discounts a rival by its week's fluctuation, which decays with the minutes since the start", () => {
    expect(follow("multipoolminer-a", swung(1.19))).toEqual([0, 0, 1]);
    expect(follow("multipoolminer-a", swung(1.2))).toEqual([0, 0, 0]);
  });

  test("believes no rival that strays more than half, and has no discount left after an hour of the later version", () => {
    expect(
      follow("multipoolminer-b", [
        [1, 1],
        [1, 3],
        [1, 3],
      ]).slice(0, 2),
    ).toEqual([0, 0]);
    const wavering = Array.from({ length: 90 }, (_, minute) => [1, minute < 89 ? 0.9 + 0.05 * (minute % 2) : 1.01]);
    expect(follow("multipoolminer-b", wavering).at(-1)).toBe(1);
    expect(follow("multipoolminer-a", wavering).at(-1)).toBe(1);
  });

  test("starts the discount anew with each start in the earlier version only", () => {
    // After 60 quiet minutes rival 1 is taken; a minute later 0, whose price fluctuated, leads by 1 %.
    const rows = [
      ...Array.from({ length: 60 }, (_, minute) => [0.95 + 0.05 * (minute % 2), 0.9]),
      [0.95, 1],
      [1.01, 1],
    ];
    expect(follow("multipoolminer-a", rows).slice(-2)).toEqual([1, 1]);
    expect(follow("multipoolminer-b", rows).slice(-2)).toEqual([1, 0]);
  });
});

describe("RainbowMiner", () => {
  test("asks for more than 3 % of revenue", () => {
    expect(movedIn(follow("rainbowminer", times(60, [1, 1.029])))).toBe(-1);
    expect(movedIn(follow("rainbowminer", times(60, [1, 1.031])))).toBe(0);
  });

  test("counts the miner of the first round a hundredfold", () => {
    expect(
      follow("rainbowminer", [
        [1, 2],
        [90, 2],
        [90, 2],
      ]),
    ).toEqual([1, 1, 0]);
  });

  test("averages ten minutes", () => {
    // After 20 flat minutes one of 2 lifts the average by 60/600 to 1.1. The week strays by 60/1200 × 1 = 5 %, which has
    // decayed to 1.7 %, in whole percent 1 %: 1.089 against 1.03 of the running one.
    const lifted = (own: number) => follow("rainbowminer", [...times(20, [own, 1]), [own, 2]]).at(-1);
    expect(lifted(1.06)).toBe(0);
    expect(lifted(1.05)).toBe(1);
  });
});

describe("MinerControl", () => {
  // A lead of 2: 300/4 + 300 × (1 − 1/1.1025) = 75 + 27.9 s pending, so two polls later.
  test("waits the shorter the larger the lead", () => {
    expect(movedIn(follow("minercontrol", times(30, [1, 2])))).toBe(2);
    // 1.06: 267 + 27.9 s = 294.9 s.
    expect(movedIn(follow("minercontrol", times(30, [1, 1.06])))).toBe(5);
  });
  test("never goes for less than 5 %", () => {
    expect(movedIn(follow("minercontrol", times(200, [1, 1.049])))).toBe(-1);
  });
  test("passes an outlier by", () => {
    const rows = [...times(30, [1, 1.02]), ...times(8, [0.9, 9])];
    expect(movedIn(follow("minercontrol", rows))).toBe(-1);
  });
  test("stops what loses", () => {
    expect(movedIn(follow("minercontrol", times(10, [-1, 0])))).toBe(0);
  });
});

describe("NiceHash Miner", () => {
  test("counts a risen price after two or three looks, a fallen one at once", () => {
    const risen = movedIn(follow("nicehash-miner", [[1, 0.9], ...times(10, [1, 1.5])], 45));
    expect(risen).toBeGreaterThanOrEqual(2);
    expect(risen).toBeLessThanOrEqual(4);
    expect(
      movedIn(
        follow(
          "nicehash-miner",
          [
            [1, 0.9],
            [0.5, 0.9],
          ],
          60,
        ),
      ),
    ).toBe(1);
  });
  test("has a gate of 2 % that the defaults leave open", () => {
    expect(movedIn(follow("nicehash-miner", times(20, [1, 1.019])))).toBe(0);
    expect(movedIn(follow("nicehash-miner-gate", times(20, [1, 1.019])))).toBe(-1);
    expect(movedIn(follow("nicehash-miner-gate", times(20, [1, 1.021])))).toBe(0);
  });
  test("does not gate what earns nothing", () => {
    expect(movedIn(follow("nicehash-miner-gate", times(20, [-1, -0.999])))).toBe(0);
  });
});

describe("UG-Miner", () => {
  test("gives the running miner a tenth of its profit", () => {
    expect(movedIn(follow("ug-miner", times(20, [1, 1.099])))).toBe(-1);
    expect(movedIn(follow("ug-miner", times(20, [1, 1.101])))).toBe(0);
  });
  test("turns that bonus against a running loss", () => {
    expect(follow("ug-miner", times(1, [-1, -1.05]), 90)).toEqual([1]);
  });
  test("keeps a new miner for a whole cycle", () => {
    expect(
      follow(
        "ug-miner",
        [
          [1, 2],
          [9, 2],
          [9, 2],
        ],
        90,
      ),
    ).toEqual([1, 1, 0]);
  });
});

describe("NemosMiner and NPlusMiner", () => {
  test.each([
    ["nemosminer-5", 1.05],
    ["nemosminer-24", 1.24],
    ["nplusminer", 1.08],
  ])("%s asks for a factor of %d", (name, factor) => {
    expect(movedIn(follow(name, times(20, [1, factor - 0.001])))).toBe(-1);
    expect(movedIn(follow(name, times(20, [1, factor + 0.001])))).toBe(0);
  });
  test("look again half a minute after a start, and else only every so often", () => {
    expect(
      follow(
        "nplusminer",
        [
          [1, 2],
          [3, 2],
          [1, 9],
        ],
        30,
      ),
    ).toEqual([1, 0, 1]);
    expect(follow("nplusminer", [[2, 1], ...times(9, [1, 2]), [1, 2]], 30)).toEqual([...Array(10).fill(0), 1]);
  });
});

describe("MindMiner", () => {
  test("goes at once for 5 % over a running profit", () => {
    expect(movedIn(follow("mindminer", times(20, [1, 1.06])))).toBe(0);
  });
  test("goes for less after twelve minutes only", () => {
    // 1.3 lifts the average of 0 by 60/2700 of what is left each minute: over 1.06 from the tenth, never 5 % over it.
    expect(follow("mindminer", [[1, 1.06], ...times(14, [1.3, 1.06])]).indexOf(0)).toBe(12);
  });
  test("smooths, and half as long where a price falls", () => {
    // 1 → 2: 60/2700 of the way, 1.022; 2.2 % is no reason within the twelve minutes after the start of 1.
    expect(
      follow("mindminer", [
        [0.5, 1],
        [1.05, 1],
        [1.05, 1],
      ]),
    ).toEqual([1, 1, 1]);
  });
});

describe("the external switchers", () => {
  test("minotaur asks for 4 %, and leaves a loss at once", () => {
    expect(movedIn(follow("minotaur", times(5, [1, 1.039]), 300))).toBe(-1);
    expect(movedIn(follow("minotaur", times(5, [1, 1.04]), 300))).toBe(0);
    expect(movedIn(follow("minotaur", times(5, [-1, -0.99]), 300))).toBe(0);
    expect(movedIn(follow("minotaur", times(5, [0, 0]), 300))).toBe(-1);
  });
  test.each([
    ["hiveos-profit-switcher", 1.05],
    ["trademybit-switcher", 1.1],
  ])("%s looks every five minutes for a factor of %d", (name, factor) => {
    expect(movedIn(follow(name, times(5, [1, factor - 0.001]), 300))).toBe(-1);
    expect(follow(name, [[2, 1], ...times(5, [1, factor + 0.001])], 60)).toEqual([0, 0, 0, 0, 0, 1]);
  });
  test("AutoSwitch wants six reads in a row of the same rival", () => {
    expect(follow("autoswitch", times(8, [1, 1.06, 0]), 10)).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    const turned = [...times(3, [1, 1.06, 0]), ...times(6, [1, 0, 1.06])];
    expect(follow("autoswitch", turned, 10)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2]);
    const dipped = [...times(5, [1, 1.06]), [1, 1.04], ...times(6, [1, 1.06])];
    expect(movedIn(follow("autoswitch", dipped, 10))).toBe(11);
  });
  test("Hash Auger wants 12 % and ten minutes", () => {
    expect(movedIn(follow("hash-auger", times(5, [1, 1.119])))).toBe(-1);
    expect(follow("hash-auger", [[1, 1.12], ...times(11, [2, 1])]).indexOf(0)).toBe(10);
  });
});
