import type { GpuView, RigView } from "../api/shapes.ts";
import { type CliContext, findAgent, type LocationOptions, printJson } from "./context.ts";
import { renderTable } from "./table.ts";
import { sayCount, sayEnergy, sayHps, sayLength, sayMoney, sayTps, sayWatts, UNKNOWN } from "./wording.ts";

const HEADER = ["GPU", "WORKLOAD", "STATE", "SINCE", "POWER", "RATE", "NET/H", "WHY"];

/** The rig now, as the running agent sees it. */
export async function status(options: LocationOptions & { readonly json?: true }, context: CliContext): Promise<void> {
  const client = await findAgent(options, context);
  const rig = await client.rig(context.signal);
  if (options.json) return printJson(context, rig);
  context.print(`${describeRig(rig)}\n\n${describeGpus(rig)}\n`);
}

function describeRig(rig: RigView): string {
  const { today, engine, pool } = rig;
  const lines = [
    `${rig.rig}  mode ${rig.mode}, up ${sayLength(rig.nowMs - rig.startedMs)}${rig.tryOut ? ", try-out at invented prices" : ""}`,
    `today   net ${sayMoney(today.netUsd)}, electricity ${sayMoney(today.electricityUsd)}, ${sayEnergy(today.energyMj)}, ` +
      `${today.sharesAccepted} shares (${today.sharesRejected} refused), ${today.completions} completions, ${today.tokensOut} tokens`,
  ];
  if (today.wouldHaveEarnedUsd !== null)
    lines.push(`observe would have earned ${sayMoney(today.wouldHaveEarnedUsd)} today`);
  if (engine !== null)
    lines.push(
      `engine  ${engine.state} on ${engine.backend ?? UNKNOWN}, ${engine.model ?? UNKNOWN}` +
        `${engine.label === null ? "" : ` (${engine.label})`}${engine.reason === null ? "" : `: ${engine.reason}`}`,
    );
  if (pool !== null)
    lines.push(
      `pool    ${pool.state}, ${pool.url}, difficulty ${sayCount(pool.difficulty)}${pool.reason === null ? "" : `: ${pool.reason}`}`,
    );
  return lines.join("\n");
}

function describeGpus(rig: RigView): string {
  const rows = rig.gpus.map((gpu) => [
    `${gpu.index} ${gpu.name}`,
    gpu.workload,
    gpu.state,
    sayLength(rig.nowMs - gpu.sinceMs),
    `${sayWatts(gpu.powerW)} ${gpu.energyQuality}`,
    sayRateOf(gpu),
    sayMoney(gpu.netUsdPerHour),
    gpu.why,
  ]);
  return renderTable(HEADER, rows, new Set(["NET/H"]));
}

function sayRateOf(gpu: GpuView): string {
  if (gpu.workload === "inference") return sayTps(gpu.tokensPerSecond);
  if (gpu.workload !== "hashing") return UNKNOWN;
  return gpu.hashrateEffectiveHps === null
    ? `${sayHps(gpu.hashrateReportedHps)} reported`
    : `${sayHps(gpu.hashrateEffectiveHps)} effective`;
}
