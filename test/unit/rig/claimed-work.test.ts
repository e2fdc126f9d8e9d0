import { expect, test } from "vitest";
import { ClaimedWork } from "../../../src/rig/claimed-work.ts";
import { hours, millis, minutes, seconds } from "../../../src/units/time.ts";
import { hashrate } from "../../../src/units/work.ts";

const RATE = hashrate(1_000_000);
const NOW = seconds(1000);
const after = (length: number) => millis(NOW + length);

test("nothing is bounded while nobody knows how fast the miner is", () => {
  const claimed = new ClaimedWork(() => undefined);
  claimed.begin(NOW);
  expect(claimed.most(2 ** 53, after(hours(1)))).toBeUndefined();
  expect(claimed.mostHashrate(10)).toBeUndefined();
});

test("over time it is twice what the miner says, and only so many of the longest shares more", () => {
  const claimed = new ClaimedWork(() => undefined);
  claimed.begin(NOW);
  claimed.tell(RATE, NOW);
  const longest = 2 * RATE * 600;
  expect(claimed.most(2 ** 53, NOW)).toBe(13 * longest);
  const day = 2 * RATE * 86_400;
  expect(claimed.most(2 ** 53, after(hours(24)))).toBeCloseTo(day + 5 * Math.sqrt(day * longest) + 13 * longest, -3);
  expect(claimed.most(1, after(hours(24)))).toBeLessThan(1.001 * day);
});

test("honest luck is never cut: a thousand runs at the miner's speed stay below", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (const share of [10, 60, 600]) {
    for (let run = 0; run < 1000; run++) {
      const claimed = new ClaimedWork(() => undefined);
      claimed.begin(NOW);
      claimed.tell(RATE, NOW);
      let at = 0;
      for (let found = 1; found <= 20; found++) {
        at += -Math.log(random()) * share * 1000;
        expect(found * share * RATE).toBeLessThan(claimed.most(share * RATE, after(at)) ?? 0);
      }
    }
  }
});

test("time that it does not hash counts for nothing, and a speed that fell keeps what was done before", () => {
  const claimed = new ClaimedWork(() => undefined);
  claimed.begin(NOW);
  claimed.tell(RATE, NOW);
  claimed.tell(hashrate(RATE / 2), after(minutes(10)));
  claimed.end(after(minutes(20)));
  claimed.begin(after(minutes(60)));
  const done = 2 * (RATE * 600 + (RATE / 2) * 600);
  expect(claimed.most(0, after(minutes(60)))).toBe(done);
});

test("before the miner says anything it is what was measured, and a word of 0 says nothing", () => {
  const claimed = new ClaimedWork(() => RATE);
  claimed.begin(NOW);
  claimed.tell(hashrate(0), after(minutes(1)));
  expect(claimed.most(0, after(minutes(1)))).toBe(2 * RATE * 60);
  expect(claimed.mostHashrate(100)).toBe(3 * RATE);
});
