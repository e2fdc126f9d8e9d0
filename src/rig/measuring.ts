import type { LoopParts } from "./loop-parts.ts";
import type { Activity } from "./rates.ts";

/** Reads the GPU and its miner once, and learns what this work does and draws; while a benchmark tries settings, nothing. */
export async function measure(parts: LoopParts, signal: AbortSignal): Promise<void> {
  const { meter, rates, served, mining, queue, custody, ground, trial, tenancies } = parts;
  const reading = await meter.look(signal);
  if (reading !== undefined) ground.observe(reading);
  else if (!signal.aborted) ground.health.unread();
  const { workload, name } = custody.assignment;
  const watch = mining?.of(custody.assignment)?.watch;
  if (mining) watch?.ask(mining.miner, signal);
  if (trial.isTuning) return;
  const live = watch?.rate();
  rates.observeHashrate(live && name !== undefined ? { ...live, sheet: name } : undefined);
  if (workload === "external") tenancies.observePower(name, reading?.power);
  const { active, waiting } = queue.facts();
  const activity = activityOf(workload, active, waiting);
  const isRest = activity === "resting" && ground.roster.isLeft("miner");
  if (reading?.power === undefined || activity === undefined || isRest) return;
  rates.observePower(activity, reading.power, name);
  if (activity === "serving") served?.observePower(active, reading.power);
}

function activityOf(workload: string, active: number, waiting: number): Activity | undefined {
  if (workload === "hashing") return "hashing";
  if (workload === "inference") return active > 0 ? "serving" : waiting > 0 ? undefined : "warm";
  return workload === "none" ? "resting" : undefined;
}
