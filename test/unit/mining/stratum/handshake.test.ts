import { expect, test } from "vitest";
import { Handshake } from "../../../../src/mining/stratum/handshake.ts";
import { millis } from "../../../../src/units/time.ts";

test("a pool is late once its turns took more than 8 s together", () => {
  const handshake = new Handshake(millis(0));
  handshake.turn(true, millis(1000));
  handshake.turn(true, millis(3000));
  handshake.turn(false, millis(6000));
  expect(handshake.isLate(millis(60_000)), "it is the miner's turn").toBe(false);
  handshake.turn(true, millis(60_000));
  expect(handshake.isLate(millis(63_000))).toBe(false);
  expect(handshake.isLate(millis(63_001))).toBe(true);
});

test("what the connection took counts", () => {
  const handshake = new Handshake(millis(3000));
  handshake.turn(true, millis(0));
  expect(handshake.isLate(millis(5000))).toBe(false);
  expect(handshake.isLate(millis(5001))).toBe(true);
});
