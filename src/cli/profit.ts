import type { ValuationView } from "../api/shapes.ts";
import { type CliContext, findAgent, type LocationOptions, printJson } from "./context.ts";
import { renderTable } from "./table.ts";
import { sayMoney, sayWatts, sayWorkload } from "./wording.ts";

const HEADER = ["", "WORKLOAD", "RATE", "TRUST", "WALL", "REVENUE/H", "POWER/H", "NET/H", "NET/DAY", "BREAK-EVEN/KWH"];
const RIGHT = new Set(["WALL", "REVENUE/H", "POWER/H", "NET/H", "NET/DAY", "BREAK-EVEN/KWH"]);

/** Every workload each GPU could do, what it is worth after electricity, and what the agent does now and why. */
export async function profit(options: LocationOptions & { readonly json?: true }, context: CliContext): Promise<void> {
  const client = await findAgent(options, context);
  const [rig, valuations] = await Promise.all([client.rig(context.signal), client.valuations(context.signal)]);
  const gpus = rig.gpus.map(({ uuid, name, workload, why }) => ({
    gpu: uuid,
    name,
    workload,
    why,
    valuations: valuations.filter(({ gpu }) => gpu === uuid),
  }));
  if (options.json) return printJson(context, { market: rig.market, gpus });
  const { market } = rig;
  const age = `${market.source}, ${new Date(market.asOfMs).toISOString().slice(0, 10)}`;
  context.print(`prices: ${age}${market.invented ? ", invented: no dollar below is real" : ""}\n`);
  for (const gpu of gpus) {
    context.print(`\n${gpu.name} (${gpu.gpu})\n${renderTable(HEADER, gpu.valuations.map(toRow), RIGHT)}\n`);
    context.print(`now ${sayWorkload(gpu.workload)}: ${gpu.why}\n`);
    for (const { why } of gpu.valuations) context.print(`  ${why}\n`);
  }
}

const toRow = (valuation: ValuationView): readonly string[] => [
  valuation.chosen ? "▸" : " ",
  valuation.workload === "none" ? valuation.label : `${valuation.workload} ${valuation.label}`,
  valuation.rate,
  valuation.trust,
  sayWatts(valuation.powerW),
  sayMoney(valuation.revenueUsdPerHour),
  sayMoney(valuation.electricityUsdPerHour),
  sayMoney(valuation.netUsdPerHour),
  sayMoney(valuation.netUsdPerDay),
  sayMoney(valuation.breakEvenUsdPerKwh),
];
