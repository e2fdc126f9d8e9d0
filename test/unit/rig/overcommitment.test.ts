import { beforeEach, expect, test } from "vitest";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { Overcommitment } from "../../../src/rig/overcommitment.ts";
import { PowerBudget } from "../../../src/rig/power-budget.ts";
import type { Load } from "../../../src/rig/shedding.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdPerHour } from "../../../src/units/money.ts";
import { seconds } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const [POOR, RICH, LET]: readonly [GpuUuid, GpuUuid, GpuUuid] = ["GPU-1", "GPU-2", "GPU-3"];
const group = { name: "psu", maxPower: watts(600), gpus: new Set([POOR, RICH, LET]) };

let clock: ManualClock;
let power: PowerBudget;
let guest: boolean;
let overcommitment: Overcommitment;
beforeEach(async () => {
  clock = new ManualClock(T0);
  power = new PowerBudget({ clock, groups: [group], startEvery: seconds(0) });
  guest = false;
  const load = (gpu: GpuUuid, worth: number): Load => ({
    gpu,
    working: watts(275),
    resting: watts(25),
    worth: usdPerHour(worth),
    isResting: gpu === LET && guest,
  });
  const loads = () => [load(RICH, 2), load(POOR, 1), load(LET, 3)].filter(({ gpu }) => gpu !== LET || guest);
  overcommitment = new Overcommitment({ clock, power, loads });
  for (const gpu of [POOR, RICH]) await power.claim(gpu, watts(275), new AbortController().signal);
});
const look = async () => {
  await clock.advance(1000);
  return [POOR, RICH, LET].map((gpu) => overcommitment.why(gpu));
};

test("a group that fits lets everybody work", async () => {
  expect(await look()).toEqual([undefined, undefined, undefined]);
});

test("a guest that takes its group over its limit makes ours rest, those that earn least first, and says why", async () => {
  guest = true;
  power.concede(LET, watts(300));
  const [poor, rich, other] = await look();
  expect(poor).toMatch(/^resting because the GPUs of psu may draw 850 W .*, and its power budget is 600 W$/);
  expect([rich, other]).toEqual([undefined, undefined]);
  power.lower(POOR, watts(25));
  expect(power.claimed(group)).toBeLessThanOrEqual(group.maxPower);
});

test("nothing of ours starts again until the group has room for it", async () => {
  guest = true;
  power.concede(LET, watts(300));
  await look();
  power.lower(POOR, watts(25));
  await clock.advance(600_000);
  expect((await look())[0]).toContain("resting because");
  guest = false;
  power.lower(LET, watts(25));
  expect(await look()).toEqual([undefined, undefined, undefined]);
});

test("without any limit nobody rests", async () => {
  power = new PowerBudget({ clock, groups: [], startEvery: seconds(0) });
  overcommitment = new Overcommitment({ clock, power, loads: () => [] });
  power.concede(LET, watts(3000));
  expect(await look()).toEqual([undefined, undefined, undefined]);
});
