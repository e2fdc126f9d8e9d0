import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RecordedTransition } from "../../src/ledger/transitions.ts";
import { ContainerRig, MEASURED_BEFORE } from "../support/container-rig.ts";
import { standInImage } from "../support/docker/stand-in-images.ts";
import { PrivateEngine } from "../support/engine.ts";
import type { Card } from "../support/nvml/occupied-cards.ts";
import { until } from "../support/until.ts";
import { faultsOf, growthSince, lookAtProcess, type Soaked, timesOf } from "./soaked.ts";

/** By what fits into its memory each card takes another rung: both sides stay, the engine sleeps, one side is stopped. */
const CARDS: readonly Card[] = [
  { vram: 24_576, miner: 4000, engine: 8000, asleep: 800 },
  { vram: 24_576, miner: 15_000, engine: 12_000, asleep: 800 },
  { vram: 24_576, miner: 15_000, engine: 20_000, asleep: 20_000 },
];
/** Rounds until every rung was measured, and everything is loaded that stays loaded. */
const SETTLES = 20;

const never = new AbortController().signal;

/** Handovers on a real Engine, three cards at once. */
export async function runOnEngine(handovers: number): Promise<Soaked> {
  await using engine = await PrivateEngine.start();
  const images = { miner: await standInImage(engine, "miner"), engine: await standInImage(engine, "engine") };
  const broken: string[] = [];
  let soaked: Omit<Soaked, "broken">;
  {
    await using rig = await ContainerRig.start({ engine, images, cards: CARDS });
    soaked = await alternate(rig, engine, { handovers, broken });
    await rig.stop();
    const names = (await rig.driver.adopt(never)).map(({ name }) => name);
    if (names.length !== 2 * CARDS.length) broken.push(`${names.length} containers of the rig are kept`);
    const running = await engine.docker("ps", "--quiet");
    if (running !== "") broken.push(`still running after the end: ${running}`);
    for (const name of names) await rig.driver.discard(name, never);
    broken.push(...rig.faults.map(String));
  }
  broken.push(...(await leftOf(engine)));
  return { ...soaked, broken };
}

interface Course {
  readonly handovers: number;
  readonly broken: string[];
}

async function alternate(rig: ContainerRig, engine: PrivateEngine, { handovers, broken }: Course) {
  const rows = (): readonly RecordedTransition[] =>
    rig.ledger.transitions.list(10 * handovers + 1000).filter(({ reason }) => reason !== MEASURED_BEFORE);
  for (let round = 0; round < SETTLES; round++) await goRound(rig);
  const first = await lookAtProcess();
  const { length: before } = rows();
  const began = performance.now();
  for (let round = 0; rows().length - before < handovers; round++) {
    await goRound(rig);
    broken.push(...(await strayOf(engine)));
    if (process.stderr.isTTY || round % 20 === 0) process.stderr.write(`\r${rows().length - before} of ${handovers} `);
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  process.stderr.write("\n");
  const counted = rows().slice(0, rows().length - before);
  const { growth, broken: grown } = await growthSince(first, counted.length);
  broken.push(...grown, ...faultsOf(rig.ledger, counted));
  return { handovers: counted.length, seconds, rungs: timesOf(counted), growth };
}

/** One request for each card, and back to hashing. */
async function goRound(rig: ContainerRig): Promise<void> {
  const hashing = () => Promise.all(CARDS.map((_, index) => rig.reach(index, "hashing", 120_000)));
  await hashing();
  const asked = CARDS.map(() => rig.ask());
  await Promise.all(asked.map(async ({ granted, jobId }) => rig.release(await granted, jobId)));
  await hashing();
}

/** More containers or volumes than two of each for every card. */
async function strayOf(engine: PrivateEngine): Promise<readonly string[]> {
  const [containers = "", volumes = ""] = [
    await engine.docker("ps", "--all", "--quiet"),
    await engine.docker("volume", "ls", "--quiet"),
  ];
  return [containers, volumes]
    .map((list) => list.split("\n").length)
    .filter((count) => count > 2 * CARDS.length)
    .map((count) => `${count} containers or volumes for ${CARDS.length} cards`);
}

/** Nothing may be left of the rig once all its work is discarded. */
async function leftOf(engine: PrivateEngine): Promise<readonly string[]> {
  const containers = await engine.docker("ps", "--all", "--quiet");
  const volumes = await engine.docker("volume", "ls", "--quiet");
  const isEmpty = () => processesOf(engine).length === 0;
  await until(isEmpty, 10_000).catch(() => {
    // What is left is told below.
  });
  return [
    ...(containers === "" ? [] : [`containers left: ${containers}`]),
    ...(volumes === "" ? [] : [`volumes left: ${volumes}`]),
    ...(isEmpty() ? [] : [`processes left: ${processesOf(engine).join(", ")}`]),
  ];
}

/** Processes in the Engine's containers, known by their control group, and shims by the Engine's folder. */
function processesOf({ slot }: PrivateEngine): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [group, command] = [readText("/proc", pid, "cgroup"), readText("/proc", pid, "cmdline")];
      return group.includes(`/${slot.name}/`) || (command.includes("containerd-shim") && command.includes(slot.folder));
    });
}

function readText(...parts: readonly string[]): string {
  try {
    return readFileSync(join(...parts), "utf8");
  } catch {
    // It ended meanwhile.
    return "";
  }
}
