import { describe, expect, test } from "vitest";
import { guardOf, type SensorFacts, seesAll, sensorOf, shiftOf, usualGainPct } from "../../../src/energy/sensor.ts";
import { seconds } from "../../../src/units/time.ts";

const geforce = { architecture: "Ampere", name: "NVIDIA GeForce RTX 3090", driverVersion: "535.54.03" };
const a100 = { architecture: "Ampere", name: "NVIDIA A100-PCIE-40GB" };

test.each<[title: string, facts: SensorFacts, window: number, update: number]>([
  ["Ampere's plain field is a one-second mean", { ...geforce, field: "draw" }, 1000, 100],
  ["but not in the driver branch 530", { ...geforce, field: "draw", driverVersion: "530.41.03" }, 100, 100],
  ["where its average still is", { ...geforce, field: "average", driverVersion: "530.41.03" }, 1000, 100],
  ["Ada in that branch as well", { field: "draw", architecture: "Ada Lovelace", driverVersion: "530.30" }, 100, 100],
  ["Ampere's instant field is a tenth of a second", { ...geforce, field: "instant" }, 100, 100],
  ["an A100 sees a quarter of the time in every field", { ...a100, field: "draw" }, 25, 100],
  ["an A100 by its name alone", { name: "A100-SXM4-80GB", field: "instant" }, 25, 100],
  ["Hopper's plain field is a one-second mean", { architecture: "Hopper", field: "draw" }, 1000, 100],
  ["Hopper's instant field sees a quarter", { architecture: "Hopper", field: "instant" }, 25, 100],
  ["Turing has one kind of power", { architecture: "Turing", field: "draw" }, 100, 100],
  ["Pascal is quick", { architecture: "Pascal", field: "draw" }, 10, 20],
  ["Volta is quick", { architecture: "Volta", field: "instant" }, 10, 20],
  ["Maxwell is slow", { architecture: "Maxwell", field: "draw" }, 100, 100],
  ["a new card is taken for one of today's", { architecture: "Blackwell", field: "average" }, 1000, 100],
  ["an unknown one too", { field: "instant" }, 100, 100],
  ["power that comes from no field is taken as it is", { field: undefined }, 0, 0],
])("%s", (_title, facts, window, update) => {
  expect(sensorOf(facts)).toEqual({ window, update });
});

describe("a sensor", () => {
  const average = sensorOf({ ...geforce, field: "average" });
  const plain = sensorOf({ field: undefined });

  test("measured half its window and half its update before it was read", () => {
    expect([shiftOf(average), shiftOf(plain)]).toEqual([550, 0]);
  });

  test("smears work over window, update and half a second", () => {
    expect(guardOf(average, seconds(0.01))).toBe(1600);
  });

  test("smears it further when it is read less often than it updates", () => {
    expect(guardOf(average, seconds(2))).toBe(3500);
  });

  test("smears nothing where power is taken as it is", () => {
    expect(guardOf(plain, seconds(2))).toBe(0);
  });

  test("sees every moment, or a part of them", () => {
    expect([seesAll(average), seesAll(sensorOf({ ...a100, field: "draw" }))]).toEqual([true, false]);
  });
});

test.each([
  ["GeForce Turing", { architecture: "Turing", name: "NVIDIA GeForce RTX 2060 SUPER" }, 13],
  ["a Turing of the data centre", { architecture: "Turing", name: "Tesla T4" }, 6],
  ["any other card", geforce, 6],
  ["a card that nobody knows", {}, 6],
])("the gain of %s is known to %3$s %", (_title, card, expected) => {
  expect(usualGainPct(card)).toBe(expected);
});
