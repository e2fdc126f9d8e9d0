/*
 * Thousands of handovers, after which nothing may be left or have grown: SOAK_HANDOVERS (1,000) of a rig with three cards
 * on a real Docker Engine of its own, one card for each of the rungs freeze, sleep and warm, then SOAK_SIMULATED (10,000)
 * of cards of the NVML stand-in with the clock moved by hand. Needs root and Docker's programs for the first part. Exits with 1
 * when anything is left, has grown, or does not add up.
 */

import { runOnEngine } from "./on-engine.ts";
import { runSimulated } from "./simulated.ts";
import type { Soaked } from "./soaked.ts";

const counts = {
  engine: Number(process.env.SOAK_HANDOVERS ?? 1000),
  simulated: Number(process.env.SOAK_SIMULATED ?? 10_000),
};

const row = ({ rung, count, p50, p90, p99 }: Soaked["rungs"][number]): string =>
  `  ${rung.padEnd(38)} ${String(count).padStart(6)} ${[p50, p90, p99].map((ms) => `${ms} ms`.padStart(9)).join("")}`;

function print(name: string, { rungs, growth, broken, ...rest }: Soaked): void {
  console.log(`\n${name}: ${rest.handovers} handovers in ${rest.seconds} s`);
  console.log(
    `  ${"from → to, rung".padEnd(38)} ${"count".padStart(6)}${["p50", "p90", "p99"].map((one) => one.padStart(9)).join("")}`,
  );
  console.log(rungs.map(row).join("\n"));
  for (const { what, first, last } of growth) console.log(`  ${what.padEnd(38)} ${first} → ${last}`);
  for (const one of broken) console.error(`broken: ${one}`);
}

const engine = counts.engine > 0 ? await runOnEngine(counts.engine) : undefined;
const simulated = counts.simulated > 0 ? await runSimulated(counts.simulated) : undefined;
console.log(JSON.stringify({ soak: "handover", engine, simulated }));
if (engine !== undefined) print("real Docker Engine", engine);
if (simulated !== undefined) print("simulated", simulated);
process.exitCode = [engine, simulated].every((one) => one === undefined || one.broken.length === 0) ? 0 : 1;
