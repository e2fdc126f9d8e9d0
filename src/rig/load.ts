import { watts } from "../units/energy.ts";
import { usdPerHour } from "../units/money.ts";
import { elapsed, seconds } from "../units/time.ts";
import { UNMEASURED } from "./left-load.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { Outlook } from "./outlook.ts";
import type { Load } from "./shedding.ts";

/** A reading averages over up to a second, and load takes a moment to end. */
const SETTLES_IN = seconds(2);

/** One GPU's part in what the rig draws; a guest's load is none that could be shed. */
export function loadOf({ info, rates, meter, custody, steady }: LoopParts, outlook: Outlook): Load {
  const { reading } = meter.latest;
  const resting = rates.power("resting") ?? watts(0);
  const working = rates.workingPower ?? reading?.powerLimit ?? UNMEASURED;
  const power = reading?.power === undefined ? {} : { power: reading.power };
  if (custody.assignment.workload === "external") {
    const drawn = reading?.power ?? watts(working);
    return { gpu: info.uuid, working: drawn, resting: drawn, isResting: true, powerAtRest: drawn, ...power };
  }
  const worths = outlook.valuations.flatMap(({ workload, net }) => (workload === "none" ? [] : (net ?? [])));
  const isResting = custody.assignment.workload === "none" && custody.state === "idle";
  const restedFor = elapsed(custody.assignment.since, steady.now()) - (steady.monotonic() - (reading?.monotonic ?? 0));
  return {
    gpu: info.uuid,
    working: watts(Math.max(working, resting)),
    resting,
    isResting,
    ...(isResting && restedFor >= SETTLES_IN && power.power !== undefined ? { powerAtRest: power.power } : {}),
    ...(worths.length === 0 ? {} : { worth: usdPerHour(Math.max(...worths)) }),
    ...power,
  };
}
