import { beforeAll, expect } from "vitest";
import { ContainerRig } from "../../support/container-rig.ts";
import { standInImage } from "../../support/docker/stand-in-images.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import type { Card } from "../../support/nvml/occupied-cards.ts";
import { testWith } from "../../support/requirement.ts";

const engine = useEngine();
let images: { readonly miner: string; readonly engine: string };
beforeAll(async () => {
  if (!DOCKER.present()) return;
  images = {
    miner: await standInImage(engine(), "miner", "stubborn:3"),
    engine: await standInImage(engine(), "engine"),
  };
}, 120_000);

const ROOMY: Card = { vram: 24_576, miner: 4000, engine: 8000, asleep: 800 };
const NARROW: Card = { vram: 24_576, miner: 15_000, engine: 12_000, asleep: 800 };
/** The last one's miner cannot be paused by its API. */
const CARDS: readonly Card[] = [ROOMY, NARROW, { ...NARROW, sleeps: "ignores" }, ROOMY];

/** One request for every card, and back to hashing. */
async function serveAll(rig: ContainerRig): Promise<void> {
  const asked = CARDS.map(() => rig.ask());
  expect(new Set(asked.map(({ gpu }) => gpu)).size).toBe(CARDS.length);
  await Promise.all(asked.map(async ({ granted, jobId }) => rig.release(await granted, jobId)));
  await Promise.all(CARDS.map((_, index) => rig.reach(index, "hashing")));
  await rig.until(() => [0, 3].every((index) => rig.gpu(index).engine?.kind === "ready"));
}

const startedAt = async (): Promise<readonly string[]> => {
  const ids = (await engine().docker("ps", "--quiet")).split("\n");
  return (await engine().docker("inspect", "--format", "{{.Name}} {{.State.StartedAt}}", ...ids)).split("\n").sort();
};

testWith(
  DOCKER,
  "each card is handed over and back on the cheapest rung that its memory and its programs allow",
  async () => {
    await using rig = await ContainerRig.start({ engine: engine(), images, cards: CARDS });
    await Promise.all(CARDS.map((_, index) => rig.reach(index, "hashing")));
    await serveAll(rig);
    const before = CARDS.map((_, index) => rig.routes(index).length);
    // Nothing was known of the engines' memory: the first way there is a cold start, and on one card sleep is a lie.
    for (const index of CARDS.keys())
      expect(rig.routes(index).slice(0, 2)).toEqual([
        "none → hashing cold completed",
        "hashing → inference cold completed",
      ]);
    expect(rig.ledger.transitions.list(100).find(({ detail }) => detail !== undefined)?.detail).toMatch(
      /only \d+ MiB of VRAM are free/,
    );
    const resident = await startedAt();
    await serveAll(rig);
    await serveAll(rig);
    const rungs = CARDS.map((_, index) => rig.routes(index).slice(before[index]));
    const twice = (rung: string) => {
      const round = [`hashing → inference ${rung} completed`, `inference → hashing ${rung} completed`];
      return [...round, ...round];
    };
    expect(rungs).toEqual([twice("freeze"), twice("sleep"), twice("warm"), twice("freeze")]);
    const stayed = (await startedAt()).filter((line) => resident.includes(line));
    expect(stayed.length, "both sides of two cards and a sleeping engine were never restarted").toBeGreaterThanOrEqual(
      5,
    );
    expect(rig.ledger.transitions.list(100).every(({ energy }) => energy !== undefined)).toBe(true);
    await rig.stop();
    expect(await engine().docker("ps", "--quiet"), "nothing of ours runs after the agent").toBe("");
    expect(rig.ledger.energy.verifyConservation()).toEqual([]);
    expect(rig.faults).toEqual([]);
  },
);

testWith(
  DOCKER,
  "a miner that never ran on the card starts cold from inference, and is warm from then on",
  async () => {
    // They do not fit together, and this engine cannot sleep: one side has to end.
    const card: Card = { vram: 24_576, miner: 15_000, engine: 20_000, asleep: 20_000 };
    const ofThese = { ...images, engine: await standInImage(engine(), "engine", "sleepless") };
    const config = { mode: "serve", rig: { name: "never-mined" } };
    await using rig = await ContainerRig.start({ engine: engine(), images: ofThese, cards: [card], config });
    await rig.reach(0, "inference");
    rig.mode("mine");
    await rig.reach(0, "hashing");
    rig.mode("serve");
    await rig.reach(0, "inference");
    rig.mode("mine");
    await rig.reach(0, "hashing");
    expect(rig.routes(0)).toEqual([
      "none → inference cold completed",
      "inference → hashing cold completed",
      "hashing → inference warm completed",
      "inference → hashing warm completed",
    ]);
    expect(rig.ledger.transitions.list(100).filter(({ detail }) => detail !== undefined)).toEqual([]);
    await rig.stop();
    expect(await engine().docker("ps", "--quiet"), "nothing of ours runs after the agent").toBe("");
  },
);
