import { describe, expect, test } from "vitest";
import { countShare, retarget, startVardiff, type Vardiff } from "../../../../src/mining/reference/vardiff.ts";
import { millis } from "../../../../src/units/time.ts";
import { difficulty, toDifficulty, toExpectedHashes } from "../../../../src/units/work.ts";

const START = millis(1000);

const withShares = (state: Vardiff, shares: number): Vardiff =>
  Array.from({ length: shares }).reduce<Vardiff>(countShare, state);

/** A miner of `hashrate` at work for `seconds`: shares come exactly at their expected pace. */
function mine(start: Vardiff, hashrate: number, seconds: number): { state: Vardiff; shares: number[] } {
  let state = start;
  let work = 0;
  const shares: number[] = [];
  for (let ms = 0; ms < seconds * 1000; ms += 10) {
    work += hashrate / 100;
    while (work >= toExpectedHashes(state.difficulty)) {
      work -= toExpectedHashes(state.difficulty);
      state = retarget(countShare(state), millis(START + ms));
      shares.push(ms);
    }
    state = retarget(state, millis(START + ms));
  }
  return { state, shares };
}

describe("startVardiff", () => {
  test("starts low without a suggestion", () => {
    expect(startVardiff(START).difficulty).toBe(1e-4);
  });

  test("starts at the miner's suggestion", () => {
    expect(startVardiff(START, difficulty(512)).difficulty).toBe(512);
  });

  test("takes no suggestion that would flood the pool, nor an absurdly high one", () => {
    expect(startVardiff(START, difficulty(1e-300)).difficulty).toBe(1e-7);
    expect(startVardiff(START, difficulty(1e300)).difficulty).toBe(2 ** 40);
  });
});

describe("retarget", () => {
  const start = startVardiff(START, difficulty(1));
  const cases = [
    // title, shares, milliseconds since the window began, factor on the difficulty (undefined: same window goes on)
    ["waits while too little is known", 3, 5000, undefined],
    ["waits after a few quick shares, which may be luck", 7, 700, undefined],
    ["raises at once when shares flood in", 8, 800, 8],
    ["raises in proportion to the flood, if that is less than the largest step", 8, 7920, 3000 / 990],
    ["leaves a short window alone when its pace is bearable", 8, 8800, undefined],
    ["keeps the difficulty at a share every 3 s", 13, 40_000, 1],
    ["keeps the difficulty at a share every 2 s", 20, 40_000, 1],
    ["keeps the difficulty at a share every 5 s", 8, 40_000, 1],
    ["raises a little at a share every 1.6 s", 25, 40_000, 3000 / 1600],
    ["lowers a little at a share every 10 s", 4, 40_000, 3000 / 10_000],
    ["lowers by the largest step when nothing comes", 0, 40_000, 1 / 8],
  ] as const;
  for (const [title, shares, elapsedMs, factor] of cases)
    test(title, () => {
      const before = withShares(start, shares);
      const after = retarget(before, millis(START + elapsedMs));
      if (factor === undefined) expect(after).toBe(before);
      else {
        expect(after.difficulty).toBeCloseTo(factor, 9);
        expect(after).toMatchObject({ since: START + elapsedMs, shares: 0 });
      }
    });

  test("never moves more than eight times in one step, whatever the flood", () => {
    const after = retarget(withShares(start, 1000), millis(START + 1));
    expect(after.difficulty).toBe(8);
  });

  test("does not sink below an eighth of the suggestion while a miner is paused", () => {
    let state = start;
    for (let i = 1; i < 20; i++) state = retarget(state, millis(START + i * 60_000));
    expect(state.difficulty).toBe(1 / 8);
  });

  test("sinks as far as it must for a slow miner that suggested nothing", () => {
    let state = startVardiff(START);
    for (let i = 1; i < 20; i++) state = retarget(state, millis(START + i * 60_000));
    expect(state.difficulty).toBe(1e-7);
  });
});

describe("over time", () => {
  for (const hashrate of [2e3, 2e4, 1e6, 5e7, 1e9])
    test(`settles at a share every 2 to 5 s for ${hashrate} H/s that suggested nothing`, () => {
      const { state, shares } = mine(startVardiff(START), hashrate, 300);
      const interval = toExpectedHashes(state.difficulty) / hashrate;
      expect(interval).toBeGreaterThanOrEqual(2);
      expect(interval).toBeLessThanOrEqual(5);
      expect(shares.length).toBeLessThan(300);
    });

  test("sends the first share within 5 s when the suggestion was right", () => {
    const { shares } = mine(startVardiff(START, toDifficulty(3e6)), 1e6, 30);
    expect(shares[0]).toBeLessThanOrEqual(5000);
    expect(shares.length).toBeGreaterThanOrEqual(6);
  });

  test("follows a miner whose rate grows tenfold", () => {
    const settled = mine(startVardiff(START, toDifficulty(3e6)), 1e6, 120).state;
    const { state } = mine({ ...settled, since: START }, 1e7, 120);
    expect(toExpectedHashes(state.difficulty) / 1e7).toBeGreaterThanOrEqual(2);
  });
});
