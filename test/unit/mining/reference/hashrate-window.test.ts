import { expect, test } from "vitest";
import { HashrateWindow } from "../../../../src/mining/reference/hashrate-window.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

async function hashing(perSecond: number, seconds: number) {
  const clock = new ManualClock();
  const window = new HashrateWindow(clock);
  for (let i = 0; i < seconds * 2; i++) {
    await clock.advance(500);
    window.add(perSecond / 2);
  }
  return { clock, window };
}

test("is not known in the first second", async () => {
  const { window } = await hashing(1000, 0.5);
  expect(window.rate).toBeUndefined();
});

test("is the hashes over the time, before the window is full", async () => {
  const { window } = await hashing(1000, 3);
  expect(window.rate).toBe(1000);
});

test("looks at the last ten seconds only", async () => {
  const { clock, window } = await hashing(1000, 60);
  for (let i = 0; i < 10; i++) {
    await clock.advance(1000);
    window.add(5000);
  }
  expect(window.rate).toBe(5000);
});

test("falls to zero when no hash is reported any more", async () => {
  const { clock, window } = await hashing(1000, 20);
  await clock.advance(11_000);
  expect(window.rate).toBe(0);
});

test("knows nothing after a restart", async () => {
  const { clock, window } = await hashing(1000, 20);
  window.restart();
  await clock.advance(900);
  window.add(900);
  expect(window.rate).toBeUndefined();
  await clock.advance(100);
  expect(window.rate).toBe(900);
});

test("is not bent by a change of the wall clock", async () => {
  const { clock, window } = await hashing(1000, 5);
  clock.setWall(0);
  expect(window.rate).toBe(1000);
});
