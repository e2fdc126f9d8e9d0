import { watts } from "../units/energy.ts";
import { usdPerHour } from "../units/money.ts";
import { UNMEASURED } from "./left-load.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { Outlook } from "./outlook.ts";
import type { Load } from "./shedding.ts";

/** One GPU's part in what the rig draws; a guest's load is none that could be shed. */
export function loadOf({ info, rates, meter, custody }: LoopParts, outlook: Outlook): Load {
  const { reading } = meter.latest;
  const resting = rates.power("resting") ?? watts(0);
  const working = rates.workingPower ?? reading?.powerLimit ?? UNMEASURED;
  const power = reading?.power === undefined ? {} : { power: reading.power };
  if (custody.assignment.workload === "external") {
    const drawn = reading?.power ?? watts(working);
    return { gpu: info.uuid, working: drawn, resting: drawn, isResting: true, ...power };
  }
  const worths = outlook.valuations.flatMap(({ workload, net }) => (workload === "none" ? [] : (net ?? [])));
  return {
    gpu: info.uuid,
    working: watts(Math.max(working, resting)),
    resting,
    isResting: custody.assignment.workload === "none" && custody.state === "idle",
    ...(worths.length === 0 ? {} : { worth: usdPerHour(Math.max(...worths)) }),
    ...power,
  };
}
