import { beforeEach, describe, expect, test } from "vitest";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { type Load, Shedding, shed } from "../../../src/rig/shedding.ts";
import { type Watts, watts } from "../../../src/units/energy.ts";
import { usdPerHour } from "../../../src/units/money.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const gpu = (name: string): GpuUuid => `GPU-${name}`;
/** 200 W at work, 20 W at rest. */
const load = (name: string, worth?: number, changes: Partial<Load> = {}): Load => ({
  gpu: gpu(name),
  working: watts(200),
  resting: watts(20),
  isResting: false,
  ...(worth === undefined ? {} : { worth: usdPerHour(worth) }),
  ...changes,
});
const THREE = [load("a", 0.1), load("b", 0.3), load("c", 0.2)];

describe("what has to rest", () => {
  const cases: readonly [string, readonly Load[], number, readonly string[]][] = [
    ["is nothing while there is room", THREE, 600, []],
    ["is what earns least", THREE, 599, ["a"]],
    ["is the next one as well", THREE, 419, ["a", "c"]],
    ["is everything where there is room for none", THREE, 239, ["a", "b", "c"]],
    ["is everything where not even rest fits", THREE, 0, ["a", "b", "c"]],
    [
      "counts earnings per watt: the big earner that draws ten times as much goes",
      [load("big", 0.5, { working: watts(2020) }), load("small", 0.1)],
      250,
      ["big"],
    ],
    ["is first what nobody knows the worth of", [load("new"), load("poor", -0.1)], 220, ["new"]],
    [
      "leaves a small one on where the better one does not fit",
      [load("rich", 0.9, { working: watts(500) }), load("small", 0.1)],
      240,
      ["rich"],
    ],
    ["is the same one each time among equals", [load("y", 0.1), load("x", 0.1)], 220, ["y"]],
  ];
  test.each(cases)("%s", (_title, loads, room, resting) => {
    expect([...shed(loads, watts(room))].sort()).toEqual(resting.map(gpu).sort());
  });
});

describe("a rig that is kept under its limit", () => {
  let clock: ManualClock;
  let loads: readonly Load[];
  let room: Watts | undefined;
  let shedding: Shedding;
  beforeEach(() => {
    clock = new ManualClock(T0);
    loads = THREE;
    room = undefined;
    shedding = new Shedding({ clock, loads: () => loads, room: () => room });
  });
  const resting = () => ["a", "b", "c"].filter((name) => shedding.isShed(gpu(name))).join("");
  /** What is shed rests, and draws what a GPU at rest does. */
  const settle = (drawn = 200) => {
    loads = THREE.map((one) => {
      const isResting = shedding.isShed(one.gpu);
      return { ...one, isResting, power: watts(isResting ? 20 : drawn) };
    });
  };
  async function seconds(count: number): Promise<void> {
    for (let second = 0; second < count; second++) {
      await clock.advance(1000);
      resting();
    }
  }

  /** Second by second: who is shed rests a second later, and who works draws what `drawnBy` says. */
  async function live(count: number, drawnBy: (name: string) => number): Promise<readonly string[]> {
    const seen: string[] = [];
    for (let second = 0; second < count; second++) {
      loads = THREE.map((one) => {
        const isResting = shedding.isShed(one.gpu);
        return { ...one, isResting, power: watts(isResting ? 20 : drawnBy(one.gpu.slice(4))) };
      });
      await clock.advance(1000);
      if (seen.at(-1) !== resting()) seen.push(resting());
    }
    return seen;
  }
  const drawn = () => loads.reduce((sum, { power = 0 }) => sum + power, 0);

  test("sheds at once when ordered", () => {
    expect(resting()).toBe("");
    room = watts(450);
    shedding.reconsider();
    expect(resting()).toBe("a");
  });

  test("says what it draws once everything rests, and not before", () => {
    room = watts(450);
    resting();
    settle();
    expect(shedding.drawnAtRest).toBeUndefined();
    expect(shedding.restPower).toBe(60);
    room = watts(0);
    shedding.reconsider();
    resting();
    settle();
    expect(shedding.drawnAtRest).toBe(60);
    loads = loads.map((one) => ({ ...one, power: watts(90) }));
    expect([shedding.drawnAtRest, shedding.restPower]).toEqual([60, 60]);
    loads = loads.map((one) => ({ ...one, powerAtRest: watts(30) }));
    expect([shedding.drawnAtRest, shedding.restPower]).toEqual([90, 90]);
  });

  test("brings its GPUs back one by one, five seconds apart", async () => {
    room = watts(0);
    expect(resting()).toBe("abc");
    room = undefined;
    await clock.advance(1000);
    expect(resting()).toHaveLength(2);
    await seconds(4);
    expect(resting()).toHaveLength(2);
    await seconds(1);
    expect(resting()).toHaveLength(1);
    await seconds(5);
    expect(resting()).toBe("");
  });

  test("sheds more where the GPUs draw more than was measured of them", async () => {
    room = watts(450);
    expect(resting()).toBe("a");
    await live(5, () => 300);
    expect(resting()).toBe("ac");
    await live(10, () => 300);
    expect(resting()).toBe("ac");
  });

  test("forgets what it shed beyond the plan when another order comes", async () => {
    room = watts(450);
    expect(resting()).toBe("a");
    await live(60, () => 300);
    expect(resting()).toBe("ac");
    room = watts(600);
    shedding.reconsider();
    loads = THREE;
    resting();
    await seconds(30);
    expect(resting()).toBe("");
  });

  test("does not blame those that stay for one that is still being stopped", async () => {
    room = watts(450);
    expect(resting()).toBe("a");
    loads = THREE.map((one) => ({ ...one, isResting: false, power: watts(200) }));
    await seconds(5);
    expect(resting()).toBe("a");
  });

  describe("after a step of the load", () => {
    beforeEach(async () => {
      room = watts(450);
      resting();
      expect(await live(60, () => 300)).toEqual(["a", "ac"]);
    });

    test("takes back what it shed beyond the plan once the GPUs draw as planned for a minute or two", async () => {
      expect(await live(50, () => 200)).toEqual(["ac"]);
      expect(await live(75, () => 200)).toEqual(["ac", "a"]);
      expect(await live(600, () => 200)).toEqual(["a"]);
    });

    test("takes nothing back while what works would still be too much beside another", async () => {
      expect(await live(3600, () => 300)).toEqual(["ac"]);
      expect(drawn()).toBeLessThanOrEqual(450);
    });

    test("does not swing where only the one that rests draws more than planned: it is tried ever more rarely", async () => {
      const seen = await live(4 * 3600, (name) => (name === "c" ? 300 : 200));
      expect(seen.filter((one) => one === "a").length, "tries in four hours").toBeLessThan(9);
      expect(seen.at(-1)).toBe("ac");
    });

    test("heeds a burst within the quiet minute", async () => {
      await live(30, () => 200);
      await live(2, () => 310);
      expect(await live(58, () => 200)).toEqual(["ac"]);
    });
  });

  test("a step upwards is answered within five seconds; later it is over its limit only for a try, seconds long", async () => {
    room = watts(450);
    resting();
    await live(300, () => 200);
    for (const level of [230, 320, 260, 430]) {
      await live(5, () => level);
      const over: number[] = [];
      for (let second = 0; second < 900; second++) {
        await live(1, () => level);
        if (drawn() > 450) over.push(second);
      }
      expect(over.length, `seconds of fifteen minutes over the limit at ${level} W each`).toBeLessThanOrEqual(9);
      expect(over.some((second) => [1, 2, 3].every((later) => over.includes(second + later)))).toBe(false);
    }
  });

  test("a GPU that works and tells no power counts as the plan has it, not as at rest", async () => {
    room = watts(450);
    resting();
    loads = THREE.map((one) => ({ ...one, isResting: shedding.isShed(one.gpu) }));
    await seconds(20);
    expect(resting()).toBe("a");
    loads = loads.map((one) => (one.gpu === gpu("b") ? { ...one, power: watts(300) } : one));
    await seconds(20);
    expect(resting()).toBe("ac");
  });
});
