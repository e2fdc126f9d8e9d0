import { describe, expect, test } from "vitest";
import { ObservedDemand } from "../../../src/rig/demand.ts";
import { usdNano } from "../../../src/units/money.ts";
import { minutes, unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";

const at = (ms: number) => unixMs(T0 + ms);
const watched = (...arrivals: readonly (readonly [number, number])[]): ObservedDemand => {
  const demand = new ObservedDemand(at(0));
  for (const [ms, worth] of arrivals) demand.add(usdNano(worth), at(ms));
  return demand;
};

describe("observed demand", () => {
  test("is all that was asked for in the last quarter of an hour", () => {
    const demand = watched([0, 1], [minutes(5), 10], [minutes(14), 100]);
    expect(demand.over(at(minutes(15)))).toEqual({ worth: 111, tokensOut: 0, window: minutes(15) });
    expect(demand.over(at(minutes(15) + 1))).toEqual({ worth: 110, tokensOut: 0, window: minutes(15) });
    expect(demand.over(at(minutes(40)))).toEqual({ worth: 0, tokensOut: 0, window: minutes(15) });
  });

  test("is over the time really watched, so that a young agent does not see a quarter of the rate", () => {
    expect(watched([0, 50]).over(at(minutes(3)))).toEqual({ worth: 50, tokensOut: 0, window: minutes(3) });
  });

  test("takes a minute at least, so that one early request is not a flood", () => {
    expect(watched([0, 50]).over(at(200))).toEqual({ worth: 50, tokensOut: 0, window: minutes(1) });
  });

  test("counts the tokens that were asked for, where they are known", () => {
    const demand = watched([0, 50]);
    demand.add(usdNano(7), at(1000), 128);
    expect(demand.over(at(2000))).toMatchObject({ worth: 57, tokensOut: 128 });
  });

  test("is no demand while nobody asked", () => {
    expect(watched().over(at(minutes(20)))).toEqual({ worth: 0, tokensOut: 0, window: minutes(15) });
  });

  test("of a flood is kept in bounded memory, the newest half of it", () => {
    const demand = new ObservedDemand(at(0));
    for (let index = 0; index < 100_001; index++) demand.add(usdNano(1), at(index / 1000));
    expect(demand.over(at(1000)).worth).toBe(50_001);
  });

  test("does not go wrong when the wall clock is set back", () => {
    const demand = watched([minutes(30), 7]);
    expect(demand.over(at(-minutes(60)))).toEqual({ worth: 7, tokensOut: 0, window: minutes(1) });
  });
});
