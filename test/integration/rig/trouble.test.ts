import { afterEach, beforeAll, expect } from "vitest";
import { ContainerRig } from "../../support/container-rig.ts";
import { standInImage } from "../../support/docker/stand-in-images.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import { type Card, cardUuid } from "../../support/nvml/occupied-cards.ts";
import { testWith } from "../../support/requirement.ts";

const engine = useEngine();
let images: { readonly miner: string; readonly engine: string };
beforeAll(async () => {
  if (!DOCKER.present()) return;
  images = { miner: await standInImage(engine(), "miner"), engine: await standInImage(engine(), "engine") };
}, 120_000);
afterEach(async () => {
  if (DOCKER.present()) await engine().removeEverything();
});

const CARD: Card = { vram: 24_576, miner: 15_000, engine: 20_000, asleep: 20_000 };

/** Two cards that hash, unless `mode` says what the miners do instead. */
async function twoCards(mode = "", config: Readonly<Record<string, unknown>> = {}): Promise<ContainerRig> {
  const miner = mode === "" ? images.miner : await standInImage(engine(), "miner", mode);
  const options = { engine: engine(), images: { ...images, miner }, cards: [CARD, CARD] };
  return await ContainerRig.start({ ...options, config: { mode: "mine", guests: { coolDownS: 1 }, ...config } });
}

const inspect = (id: string, format: string): Promise<string> => engine().docker("inspect", "--format", format, id);

testWith(DOCKER, "a card that keeps memory after its miner ended is quarantined, and the other goes on", async () => {
  await using rig = await twoCards();
  await Promise.all([rig.reach(0, "hashing"), rig.reach(1, "hashing")]);
  rig.cards.kept.set(0, 8000);
  rig.mode("serve", 0);
  await rig.until(() => rig.gpu(0).state === "faulted" && rig.gpu(0).why.startsWith("out of service: "));
  const { state, workload, why } = rig.gpu(0);
  expect({ state, workload }).toEqual({ state: "faulted", workload: "none" });
  expect(why).toMatch(/only \d+ MiB of VRAM are free, \d+ are needed/);
  expect(rig.gpu(0).slotFaults).toBeGreaterThan(0);
  expect(rig.gpu(1)).toMatchObject({ workload: "hashing", state: "open" });
  expect(rig.routes(0).at(-1)).toBe("none → none cold completed");
  const running = (await engine().docker("ps", "--format", "{{.ID}}")).split("\n");
  expect(running, "only the other card's miner runs").toHaveLength(1);
  rig.mode("pause", 1);
  await rig.reach(1, "none");
  rig.mode("mine", 1);
  await rig.reach(1, "hashing");
});

testWith(
  DOCKER,
  "a container of somebody else's gets the card within 10 s, is not touched, and ours returns after it",
  async () => {
    await using rig = await twoCards();
    await Promise.all([rig.reach(0, "hashing"), rig.reach(1, "hashing")]);
    const code = "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e6)";
    const labels = ["--label", `test.card=${cardUuid(0)}`, "--label", "test.mib=6000"];
    const base = await engine().image("base");
    const came = performance.now();
    const guest = await engine().docker(
      "run",
      "--detach",
      "--init",
      ...labels,
      "--network",
      "none",
      base,
      "node",
      "-e",
      code,
    );
    await rig.reach(0, "external", 10_000);
    const took = performance.now() - came;
    expect(took).toBeLessThan(10_000);
    expect(rig.gpu(0)).toMatchObject({
      state: "rented",
      why: expect.stringMatching(/\(pid \d+\), which is not ours, uses the GPU/),
    });
    expect(rig.gpu(1)).toMatchObject({ workload: "hashing", state: "open" });
    const started = await inspect(guest, "{{.State.StartedAt}} {{.State.Pid}} {{.State.Status}}");
    await rig.until(() => rig.gpu(0).reading?.vramUsedMiB === 6000);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(rig.gpu(0).state).toBe("rented");
    expect(await inspect(guest, "{{.State.StartedAt}} {{.State.Pid}} {{.State.Status}}")).toBe(started);
    await engine().docker("rm", "--force", guest);
    await rig.reach(0, "hashing");
    const [job] = rig.ledger.jobs.listJobs({ limit: 100 }).filter(({ kind }) => kind === "external");
    expect(job).toMatchObject({ gpu: cardUuid(0), outcome: "completed" });
    expect(job?.energy, "what the guest used is booked").toBeGreaterThan(0);
    await rig.stop();
    expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  },
);

testWith(DOCKER, "a miner that is deaf to SIGTERM is killed after its time, and the card is handed on", async () => {
  await using rig = await twoCards("deaf:0");
  await rig.reach(0, "hashing");
  const began = performance.now();
  rig.mode("serve", 0);
  await rig.reach(0, "inference");
  expect(performance.now() - began).toBeGreaterThan(4900);
  const { container = "" } = (await rig.driver.find(`miner-${cardUuid(0)}`, new AbortController().signal)) ?? {};
  expect(await inspect(container, "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 137");
  expect(rig.gpu(0).reading?.vramUsedMiB).toBe(CARD.engine);
});

testWith(
  DOCKER,
  "a miner that runs out of memory is told apart and rests a minute, and the other goes on",
  async () => {
    await using rig = await twoCards("eat:0");
    await Promise.all([rig.reach(0, "hashing"), rig.reach(1, "hashing")]);
    await rig.until(() => rig.log.some((line) => /work failed.*memory/.test(line)));
    expect(rig.gpu(1)).toMatchObject({ workload: "hashing", state: "open" });
    await rig.until(() => /out of memory; trying again in \d\d s/.test(rig.gpu(0).why));
    expect(rig.log.join("")).not.toContain("cannot create a network");
  },
);

testWith(DOCKER, "a miner that crashes again and again is started ever more seldom, and says why", async () => {
  await using rig = await twoCards("crash:0");
  await rig.reach(1, "hashing");
  const starts = () =>
    rig.ledger.transitions
      .list(100)
      .filter(({ gpu, from, to, ended }) => gpu === cardUuid(0) && from === "none" && to === "hashing" && ended);
  await rig.until(() => starts().length >= 3);
  const times = starts()
    .map(({ started }) => started)
    .toReversed();
  const [first = 0, second = 0, third = 0] = times;
  // 5 s, then 10 s, each up to a fifth shorter or longer.
  expect(second - first).toBeGreaterThan(3900);
  expect(third - second).toBeGreaterThan(7900);
  expect(starts()[0]).toMatchObject({
    outcome: "failed",
    detail: expect.stringContaining("the card cannot be opened"),
  });
  expect(rig.gpu(0).state).toBe("idle");
  expect(rig.gpu(1)).toMatchObject({ workload: "hashing", state: "open" });
  const mine = (await engine().docker("ps", "--all", "--format", "{{.ID}}")).split("\n");
  expect(mine, "nothing is left of what crashed").toHaveLength(1);
});

testWith(DOCKER, "an image that is not there is said to be missing, and the agent stays up", async () => {
  const options = { engine: engine(), images: { ...images, miner: `sha256:${"ab".repeat(32)}` }, cards: [CARD] };
  await using rig = await ContainerRig.start({ ...options, config: { mode: "mine" } });
  await rig.until(() => rig.routes(0).some((route) => route.endsWith(" failed")) && rig.gpu(0).state === "idle");
  const failed = rig.ledger.transitions.list(100).filter(({ outcome }) => outcome === "failed");
  expect(failed[0]?.detail).toContain("sha256:abab");
  rig.mode("serve");
  await rig.reach(0, "inference");
});

testWith(DOCKER, "release lets go of every container and of the driver, and auto takes them up again", async () => {
  await using rig = await twoCards();
  await Promise.all([rig.reach(0, "hashing"), rig.reach(1, "hashing")]);
  rig.mode("release");
  await rig.until(() => rig.gpu(0).why.includes("the driver is let go of"));
  expect(await engine().docker("ps", "--quiet")).toBe("");
  expect(rig.cards.standIn.leftOpen()).toEqual({ sessions: 0, eventSets: 0 });
  rig.mode("mine");
  await Promise.all([rig.reach(0, "hashing"), rig.reach(1, "hashing")]);
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
});
