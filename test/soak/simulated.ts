import type { Vram } from "../support/fake-processes.ts";
import { RigBench } from "../unit/rig/bench.ts";
import { Course } from "./course.ts";
import { readFromNvml } from "./on-nvml.ts";
import { faultsOf, growthSince, lookAtProcess, type Soaked, timesOf } from "./soaked.ts";

/** One card for each rung, like those on the Engine; nothing is kept of what is stopped, so the last one's is cold. */
const CARDS: readonly { readonly vram: Vram; readonly canSleep: boolean }[] = [
  { vram: { total: 24_576, miner: 4000, engine: 8000, asleep: 800 }, canSleep: true },
  { vram: { total: 24_576, miner: 15_000, engine: 12_000, asleep: 800 }, canSleep: true },
  { vram: { total: 24_576, miner: 15_000, engine: 20_000 }, canSleep: false },
];
const SETTLES = 20;
const START_MS = 800;
/**
 * Handovers of cards of the NVML stand-in, whose processes and memory are those of scripted miners and engines, one card
 * after the other; the milliseconds are the manual clock's, which is the cards' too.
 */
export async function runSimulated(handovers: number): Promise<Soaked> {
  const began = performance.now();
  const parts: Soaked[] = [];
  for (const card of CARDS) parts.push(await alternate(card, Math.ceil(handovers / CARDS.length)));
  return {
    handovers: parts.reduce((sum, part) => sum + part.handovers, 0),
    seconds: Math.round((performance.now() - began) / 100) / 10,
    rungs: parts.flatMap(({ rungs }) => rungs),
    growth: parts.flatMap(({ growth }, index) => growth.map((one) => ({ ...one, what: `${one.what}, card ${index}` }))),
    broken: parts.flatMap(({ broken }, index) => broken.map((one) => `card ${index}: ${one}`)),
  };
}

async function alternate({ vram, canSleep }: (typeof CARDS)[number], handovers: number): Promise<Soaked> {
  await using rig = await RigBench.start({ vram, isMeasured: true, rules: { maxGapSwitchesPerHour: 1e9 } });
  rig.driver.engine.canSleep = canSleep;
  for (const role of ["miner", "engine"] as const) rig.driver.startMs.set(role, START_MS);
  await using nvml = await readFromNvml(rig, vram);
  rig.run();
  const course = new Course(rig);
  for (let round = 0; round < SETTLES; round++) await course.round();
  const first = await lookAtProcess();
  const began = performance.now();
  const before = rig.transitions.length;
  await course.go(Math.ceil(handovers / 2));
  const { growth, broken } = await growthSince(first, handovers);
  const rows = rig.ledger.transitions.list(2 * handovers + 1000);
  broken.push(...course.broken);
  await rig.stop();
  if (rig.driver.isRunning("miner")) broken.push("the miner runs after the end");
  await nvml.source.close();
  const { sessions, eventSets } = nvml.standIn.leftOpen();
  if (sessions + eventSets > 0) broken.push(`${sessions} sessions and ${eventSets} event sets are open after the end`);
  const counted = rows.slice(0, rows.length - before);
  broken.push(
    ...faultsOf(
      rig.ledger,
      counted.filter(({ id }) => !course.troubled.has(id)),
    ),
    ...rig.faults.map(String),
  );
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return { handovers: counted.length, seconds, rungs: timesOf(counted), growth, broken };
}
