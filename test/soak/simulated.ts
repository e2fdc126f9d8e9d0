import type { Vram } from "../support/fake-processes.ts";
import { RigBench } from "../unit/rig/bench.ts";
import { faultsOf, growthSince, lookAtProcess, type Soaked, timesOf } from "./soaked.ts";

/** One card for each rung, like those on the Engine. */
const CARDS: readonly { readonly vram: Vram; readonly canSleep: boolean }[] = [
  { vram: { total: 24_576, miner: 4000, engine: 8000, asleep: 800 }, canSleep: true },
  { vram: { total: 24_576, miner: 15_000, engine: 12_000, asleep: 800 }, canSleep: true },
  { vram: { total: 24_576, miner: 15_000, engine: 20_000 }, canSleep: false },
];
const SETTLES = 20;
const START_MS = 800;

/** Handovers of simulated cards, miners and engines, one card after the other; the milliseconds are the manual clock's. */
export async function runSimulated(handovers: number): Promise<Soaked> {
  const began = performance.now();
  const parts: Soaked[] = [];
  for (const card of CARDS) parts.push(await alternate(card, Math.ceil(handovers / CARDS.length)));
  return {
    handovers: parts.reduce((sum, part) => sum + part.handovers, 0),
    seconds: Math.round((performance.now() - began) / 100) / 10,
    rungs: parts.flatMap(({ rungs }) => rungs),
    growth: parts.flatMap(({ growth }, index) => growth.map((one) => ({ ...one, what: `${one.what}, card ${index}` }))),
    broken: parts.flatMap(({ broken }) => broken),
  };
}

async function alternate({ vram, canSleep }: (typeof CARDS)[number], handovers: number): Promise<Soaked> {
  await using rig = await RigBench.running({ vram, isMeasured: true, rules: { maxGapSwitchesPerHour: 1e9 } });
  rig.driver.engine.canSleep = canSleep;
  for (const role of ["miner", "engine"] as const) rig.driver.startMs.set(role, START_MS);
  await goRounds(rig, SETTLES);
  const first = await lookAtProcess();
  const began = performance.now();
  await goRounds(rig, Math.ceil(handovers / 2));
  const { growth, broken } = await growthSince(first, handovers);
  const rows = rig.ledger.transitions.list(handovers);
  const running = [...rig.driver.running.values()].map(({ role }) => role);
  if (new Set(running).size !== running.length) broken.push(`these run: ${running.join(", ")}`);
  await rig.stop();
  if (rig.driver.isRunning("miner")) broken.push("the miner runs after the end");
  broken.push(...faultsOf(rig.ledger, rows), ...rig.faults.map(String));
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return { handovers: rows.length, seconds, rungs: timesOf(rows), growth, broken };
}

let requests = 0;

/** A request takes the GPU from the miner, and the gap behind it gives the GPU back. */
async function goRounds(rig: RigBench, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await rig.hashing();
    const jobId = `request-${++requests}`;
    await rig.release(await rig.served(rig.ask(jobId)), jobId);
    await rig.until(() => rig.workload === "inference");
    await rig.hashing();
    for (const list of [rig.log, rig.driver.log, rig.driver.miner.calls, rig.driver.engine.requests]) list.length = 0;
    rig.driver.engine.sleepCalls.length = 0;
  }
}
