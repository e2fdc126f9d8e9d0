import { expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { SettableCard } from "../../support/settable-card.ts";
import { NEVER, RigBench } from "./bench.ts";

const OTHER = "GPU-other";

test("a set fits with the limit that its GPUs get back for it, however high one of them is set now", async () => {
  const card = new SettableCard();
  await using rig = await RigBench.start({
    isMeasured: true,
    groups: [{ name: "the rig", maxPower: watts(630), gpus: new Set([GPU_A, OTHER]) }],
    control: card,
    profiles: [{ role: "hashing", powerLimit: watts(340), mayRaise: true }],
  });
  rig.source.live = () => ({ powerLimit: watts(card.limit) });
  rig.power.expect(OTHER, { most: () => watts(300), atRest: () => watts(25) });
  await rig.meter.look(NEVER);
  const never = () => rig.power.whyNeverTogether([GPU_A, OTHER]);
  expect(never()).toBeUndefined();
  await rig.handOver("hashing");
  await rig.meter.look(NEVER);
  expect([card.limit, rig.power.claimOf(GPU_A), never()]).toEqual([340, 340, undefined]);
  await rig.handOver("none");
  expect([card.limit, never()]).toEqual([300, undefined]);
});

test("a limit that was read counts for others where nothing of ours is in force", async () => {
  const card = new SettableCard(340);
  await using rig = await RigBench.start({
    groups: [{ name: "the rig", maxPower: watts(630), gpus: new Set([GPU_A, OTHER]) }],
    control: card,
  });
  rig.source.live = () => ({ powerLimit: watts(card.limit) });
  rig.power.expect(OTHER, { most: () => watts(300), atRest: () => watts(25) });
  await rig.meter.look(NEVER);
  expect(rig.power.whyNeverTogether([GPU_A, OTHER])).toContain("may draw 640 W");
});
