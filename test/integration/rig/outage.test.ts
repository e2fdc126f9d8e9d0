import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, expect } from "vitest";
import type { RecordedTransition } from "../../../src/ledger/transitions.ts";
import { ContainerRig } from "../../support/container-rig.ts";
import { standInImage } from "../../support/docker/stand-in-images.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import type { Card } from "../../support/nvml/occupied-cards.ts";
import { testWith } from "../../support/requirement.ts";

const engine = useEngine();
let images: { readonly miner: string; readonly engine: string };
beforeAll(async () => {
  if (!DOCKER.present()) return;
  images = { miner: await standInImage(engine(), "miner"), engine: await standInImage(engine(), "engine") };
}, 120_000);

const CARD: Card = { vram: 24_576, miner: 15_000, engine: 20_000, asleep: 20_000 };

testWith(
  DOCKER,
  "an Engine that is stopped for 30 s and comes back, and one that hangs, cost the agent nothing but the time",
  async () => {
    await using rig = await ContainerRig.start({ engine: engine(), images, cards: [CARD], config: { mode: "mine" } });
    await rig.reach(0, "hashing");
    await engine().stop();
    await rig.until(() => rig.gpu(0).workload === "none");
    await pause(30_000);
    expect(rig.faults).toEqual([]);
    expect(rig.gpu(0).reading?.health).toBe("ok");
    expect(rig.gpu(0).why).toContain("the Docker Engine does not answer");
    await engine().start();
    await rig.reach(0, "hashing");

    engine().suspend();
    rig.mode("serve", 0);
    const isToldOf = ({ to, outcome, detail }: RecordedTransition) =>
      to === "inference" &&
      outcome === "failed" &&
      detail?.match(/^the Docker Engine did not .+ within \d+ s$/) != null;
    await rig.until(() => rig.ledger.transitions.list(3).some(isToldOf));
    await rig.until(() => rig.gpu(0).why?.includes("its work may still run") === true);
    expect(rig.gpu(0).workload).toBe("none");
    engine().resume();
    await rig.reach(0, "inference");
    await rig.stop();
    expect(await engine().docker("ps", "--quiet")).toBe("");
    expect(rig.ledger.energy.verifyConservation()).toEqual([]);
    expect(rig.faults).toEqual([]);
  },
  240_000,
);
