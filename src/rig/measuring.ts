import type { LoopParts } from "./loop-parts.ts";
import { type Activity, dualLabel } from "./rates.ts";

/** Reads the GPU and its miner once, and learns what this work does and draws; while a benchmark tries settings, nothing. */
export async function measure(parts: LoopParts, signal: AbortSignal): Promise<void> {
  const { meter, rates, served, mining, queue, custody, ground, trial, tenancies } = parts;
  const reading = await meter.look(signal);
  if (reading !== undefined) ground.observe(reading);
  else if (!signal.aborted) ground.health.unread();
  const { workload, name } = custody.assignment;
  const sheet = mining?.of(custody.assignment);
  const watch = sheet?.watch;
  if (mining) watch?.ask(mining.miner, signal);
  if (trial.isTuning) return;
  const [live, second] = [watch?.rate(), watch?.dualRate()];
  rates.observeHashrate(
    live && sheet && { ...live, sheet: sheet.name },
    second && sheet?.dual && { ...second, sheet: dualLabel(sheet.name, sheet.dual.coin.coin) },
  );
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
