import type { GpuView, RigView } from "../api/shapes.ts";
import { isEngineUnneeded, isPoolUnneeded } from "../api/words.ts";
import { type CliContext, findAgent, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { describeOrders } from "./mode.ts";
import { describePrices } from "./profit-table.ts";
import { explain } from "./status-why.ts";
import { renderTable, wrapLines } from "./table.ts";
import {
  sayAmount,
  sayDifficulty,
  sayEnergy,
  sayHps,
  sayLength,
  sayMode,
  sayMoney,
  sayTime,
  sayTps,
  sayWatts,
  sayWorkload,
  UNKNOWN,
} from "./wording.ts";

const NET = "NET/H";
const INVENTED_NET = "NET/H (INVENTED)";

export interface StatusOptions extends LocationOptions {
  readonly json?: true;
  /** A GPU's UUID, or every GPU: what was decided is explained instead. */
  readonly why?: string | true;
  readonly at?: string;
}

/** The rig now, as the running agent sees it, or why one GPU does or did what it does or did. */
export async function status(options: StatusOptions, context: CliContext): Promise<void> {
  const { why, at } = options;
  if (why !== undefined) return explain({ ...options, why }, context);
  if (at !== undefined)
    throw new UsageError("--at without --why", {
      code: "ERR_USAGE",
      mend: "give --why too, for every GPU or with the UUID of one",
    });
  const client = await findAgent(options, context);
  const rig = await client.rig(context.signal);
  if (options.json) return printJson(context, rig);
  const { columns } = context;
  const [head, costs] = [describeRig(rig), rig.gpus.map(describeHandovers).join("")].map((text) =>
    wrapLines(text, columns),
  );
  context.print(`${head}\n\n${describeGpus(rig, columns)}\n${costs}`);
}

function describeRig(rig: RigView): string {
  const { today, engine, pool, curtail } = rig;
  const invented = rig.market.invented ? " (invented prices)" : "";
  const isSaid = !rig.tryOut || rig.rig === "try-out";
  const lines = [
    `${rig.rig}  mode ${sayMode(rig.mode, rig.modeUntilMs)}, up ${sayLength(rig.nowMs - rig.startedMs)}${isSaid ? "" : ", try-out"}`,
    ...describeOrders(rig).map((order) => `mode    ${order}`),
    `today   net ${sayMoney(today.netUsd)}${invented}, electricity ${sayMoney(today.electricityUsd)}, ${sayEnergy(today.energyMj)}, ` +
      `${sayAmount(today.sharesAccepted, "share")} (${today.sharesRejected} refused), ` +
      `${sayAmount(today.completions, "completion")}, ${sayAmount(today.tokensOut, "token")}`,
  ];
  lines.push(...describePrices(rig.coinPrices).map((price) => `price   ${price}`));
  if (today.wouldHaveEarnedUsd !== null)
    lines.push(`observe would have earned ${sayMoney(today.wouldHaveEarnedUsd)}${invented} today`);
  if (curtail?.maxW != null && curtail.untilMs !== null)
    lines.push(`curtail at most ${sayWatts(curtail.maxW)} until ${sayTime(curtail.untilMs)} UTC`);
  if (engine !== null)
    lines.push(
      `engine  ${isEngineUnneeded(engine, rig.gpus) ? "not needed now" : `${engine.state} on ${engine.backend ?? UNKNOWN}`}, ${engine.model ?? UNKNOWN}` +
        `${engine.label === null ? "" : ` (${engine.label})`}${engine.reason === null ? "" : `: ${engine.reason}`}`,
    );
  if (pool !== null)
    lines.push(
      isPoolUnneeded(rig)
        ? `pool    not needed now, ${pool.url}`
        : `pool    ${pool.state}, ${pool.url}, difficulty ${sayDifficulty(pool.difficulty)}${pool.reason === null ? "" : `: ${pool.reason}`}`,
      ...pool.foreign.map(({ login, sharesAccepted, sharesRejected }) => {
        const shares = `${sayAmount(sharesAccepted, "share")} (${sharesRejected} refused)`;
        return `not us  ${login}: ${shares}; the miner's fee, or a mistyped login`;
      }),
    );
  return lines.join("\n");
}

/** What does not go as configured, what handovers were measured to take, and what is wrong with the card's slot. */
function describeHandovers({ index, switchCosts, servedRates, slotFaults24h, lastXid, warnings }: GpuView): string {
  const costs = switchCosts.map(
    ({ from, to, externalName, rung, meanMs, p90Ms, energyMj }) =>
      `${saySide(from, externalName)} to ${saySide(to, externalName)} (${rung}) ${sayLength(meanMs)}, 9 of 10 within ${sayLength(p90Ms)}, ${sayEnergy(energyMj)}`,
  );
  const faults = slotFaults24h === 0 ? [] : [`out of service ${sayAmount(slotFaults24h, "time")} in 24 h`];
  const xid = lastXid === null ? [] : [`last Xid ${lastXid}`];
  const facts = [...warnings, ...costs, ...describeSpeeds(servedRates), ...faults, ...xid];
  return facts.length === 0 ? "" : `\nGPU ${index}  ${facts.join("\n       ")}\n`;
}

const saySide = (workload: GpuView["workload"], external: string | null): string =>
  sayWorkload(workload, workload === "external" ? external : null);

/** Tokens a second by the number of requests at once, with what a token costs in energy. */
function describeSpeeds(rates: GpuView["servedRates"]): readonly string[] {
  const speeds = rates.map(({ concurrency, tokensPerSecond, joulesPerToken }) => {
    const energy = joulesPerToken === null ? "" : ` (${sayEnergy(joulesPerToken * 1000)} each)`;
    return `${concurrency} at once ${sayTps(tokensPerSecond)}${energy}`;
  });
  return speeds.length === 0 ? [] : [`inference: ${speeds.join(", ")}`];
}

function describeGpus(rig: RigView, columns: number | undefined): string {
  const rows = rig.gpus.map((gpu) => [
    `${gpu.index} ${gpu.name}`,
    sayWorkload(gpu.workload, gpu.workName),
    gpu.state,
    sayLength(rig.nowMs - gpu.sinceMs),
    `${sayWatts(gpu.powerW)} ${gpu.energyQuality}`,
    sayRateOf(gpu),
    sayMoney(gpu.netUsdPerHour),
    gpu.why,
  ]);
  const net = rig.market.invented ? INVENTED_NET : NET;
  const header = ["GPU", "WORKLOAD", "STATE", "SINCE", "POWER", "RATE", net, "WHY"];
  return renderTable(header, rows, { right: new Set([net]), below: "WHY", spare: ["SINCE", "STATE"], columns });
}

function sayRateOf(gpu: GpuView): string {
  if (gpu.workload === "inference")
    return `${sayTps(gpu.tokensPerSecond)}${gpu.tokensPerSecond === null || gpu.activeRequests > 0 ? "" : " learned"}`;
  if (gpu.workload !== "hashing") return UNKNOWN;
  const first = sayHashing(gpu.hashrateEffectiveHps, gpu.hashrateReportedHps);
  const [effective, reported] = [gpu.dualHashrateEffectiveHps, gpu.dualHashrateReportedHps];
  return effective === null && reported === null ? first : `${first} + ${sayHashing(effective, reported)}`;
}

const sayHashing = (effective: number | null, reported: number | null): string =>
  effective === null ? `${sayHps(reported)} reported` : `${sayHps(effective)} effective`;
