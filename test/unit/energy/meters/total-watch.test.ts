import { beforeEach, expect, test } from "vitest";
import { TotalWatch } from "../../../../src/energy/meters/total-watch.ts";
import { milliJoules, watts } from "../../../../src/units/energy.ts";
import { hours, seconds } from "../../../../src/units/time.ts";

const KWH = 3_600_000_000;
let watch: TotalWatch;
beforeEach(() => {
  watch = new TotalWatch();
});
const look = (kwh: number | undefined, at: number) =>
  watch.look(kwh === undefined ? undefined : milliJoules(kwh * KWH), seconds(at), watts(5000));

test("a total that grows as a rig draws is nothing to tell", () => {
  expect([look(100, 0), look(100, 10), look(100.01, 20), look(101, 30)]).toEqual(Array(4).fill(undefined));
});

test("a total that fell has fallen, however long it was unknown", () => {
  look(100, 0);
  for (let at = 10; at < 200_000; at += 1000) expect(look(undefined, at)).toBeUndefined();
  expect(look(99.999, 200_000)).toBe("fell");
  expect(look(100, 200_010)).toBeUndefined();
});

test("a total that grew by more than a rig draws has jumped, and comes back by falling", () => {
  look(100, 0);
  expect(look(101.1, 10)).toBe("jumped");
  expect(look(100, 20)).toBe("fell");
});

test("what can be drawn grows with the time that nobody looked", () => {
  look(100, 0);
  expect(look(110, hours(2) / 1000)).toBeUndefined();
});
