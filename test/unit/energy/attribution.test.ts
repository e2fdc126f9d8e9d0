import { expect, test } from "vitest";
import { type Claim, IDLE, overlap, shareOut } from "../../../src/energy/attribution.ts";
import { millis } from "../../../src/units/time.ts";

const claim = (id: string, sink: Claim["sink"], opened: number, closed?: number): Claim => ({
  id,
  sink,
  weight: 1,
  opened: millis(opened),
  closed: closed === undefined ? undefined : millis(closed),
});
const shares = (claims: Claim[], from = 0, to = 100) =>
  Object.fromEntries([...shareOut(claims, from, to)].map(([who, time]) => [who === IDLE ? "idle" : who.id, time]));

test.each<[string, Claim[], Record<string, number>]>([
  ["is idle without claims", [], { idle: 100 }],
  ["goes whole to the only claim", [claim("a", "hashing", -50)], { a: 100 }],
  ["is idle before a claim opens and after it closes", [claim("a", "hashing", 20, 70)], { a: 50, idle: 50 }],
  ["is shared equally while two overlap", [claim("a", "inference", 0), claim("b", "inference", 60)], { a: 80, b: 20 }],
  ["is shared by weight", [{ ...claim("a", "inference", 0), weight: 3 }, claim("b", "inference", 0)], { a: 75, b: 25 }],
  [
    "belongs to work, not to the handover around it",
    [claim("s", "switch", 0), claim("a", "hashing", 40)],
    { s: 40, a: 60 },
  ],
  [
    "belongs to a handover, not to what stays resident",
    [claim("p", "parked", 0), claim("s", "switch", 10, 30)],
    { p: 80, s: 20 },
  ],
  ["gives a claim of no length nothing", [claim("a", "inference", 50, 50)], { idle: 100 }],
  ["ignores claims from before and after", [claim("a", "hashing", -9, -1), claim("b", "hashing", 200)], { idle: 100 }],
])("a span %s", (_title, claims, expected) => {
  expect(shares(claims)).toEqual(expected);
});

test("a claim overlaps a span only as far as both reach", () => {
  expect(overlap(claim("a", "hashing", 20), 0, 100)).toBe(80);
  expect(overlap(claim("a", "hashing", 20, 50), 30, 100)).toBe(20);
  expect(overlap(claim("a", "hashing", 20, 25), 30, 100)).toBe(0);
});
