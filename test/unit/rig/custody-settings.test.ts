import { expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { NEVER, RigBench } from "./bench.ts";

test("what could not be set back when our work ended is tried again, twice a minute, until it is", async () => {
  const limits: number[] = [];
  let kind: "done" | "unavailable" = "done";
  const answer = () => Promise.resolve({ kind });
  await using rig = await RigBench.start({
    profiles: [{ role: "hashing", powerLimit: watts(200), mayRaise: false }],
    control: {
      readSettings: () => Promise.resolve({ powerLimit: watts(300) }),
      setPowerLimit: (_gpu, limit) => {
        limits.push(limit);
        return answer();
      },
      lockClocks: answer,
      resetClocks: answer,
    },
  });
  const look = () => {
    rig.custody.keepSettings(NEVER);
    return rig.clock.advance(0);
  };
  await rig.meter.look(NEVER);
  await rig.handOver("hashing");
  await look();
  expect(limits, "not while our work has the GPU").toEqual([200]);
  kind = "unavailable";
  await rig.handOver("none");
  await look();
  await look();
  expect(limits).toEqual([200, 300, 300]);
  kind = "done";
  await rig.clock.advance(30_000);
  await look();
  expect(limits).toEqual([200, 300, 300, 300]);
  expect(rig.tuner.isApplied).toBe(false);
  await look();
  expect(limits).toHaveLength(4);
});
