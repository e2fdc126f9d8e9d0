import { z } from "zod";
import { toDecisionView } from "../api/rows.ts";
import type { RecordedDecision } from "../ledger/decisions.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import { unixMs } from "../units/time.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { parseMoment } from "./moment.ts";
import { renderTable } from "./table.ts";
import { sayLength, sayMoney, sayTime, sayWatts, sayWorkload, UNKNOWN } from "./wording.ts";

export interface ExplainOptions extends LocationOptions {
  readonly json?: true;
  readonly why: string;
  readonly at?: string;
}

const number = z.number().nullable();
const text = z.string().nullable();

const valuationSchema = z.object({
  workload: z.enum(["hashing", "inference", "lease", "external", "none"]),
  label: z.string(),
  rate: z.string(),
  basis: text,
  grossUsdPerHour: number,
  revenueUsdPerHour: number,
  electricityUsdPerHour: number,
  netUsdPerHour: number,
  powerW: number,
  electricityUsdPerKwh: number,
  price: number,
  priceUnit: text,
  priceSource: text,
  priceAsOfMs: number,
  why: z.string(),
});

const inputsSchema = z.object({
  ownerWhy: z.string(),
  regretShare: number,
  roundTripMs: z.number(),
  roundTripCostUsd: z.number(),
  priceSwitchesToday: z.number(),
  gapSwitchesLastHour: z.number(),
  queue: z.object({ waiting: z.number(), active: z.number(), worthUsd: z.number() }),
  valuations: z.array(valuationSchema),
});

type Inputs = z.infer<typeof inputsSchema>;

const HEADER = ["WORKLOAD", "RATE", "BASIS", "PRICE", "WALL", "REVENUE/H", "POWER/H", "NET/H"];
const RIGHT = new Set(["WALL", "REVENUE/H", "POWER/H", "NET/H"]);

/** One GPU's decision with all it rested on, from the ledger alone: an agent need not run. */
export function explain(options: ExplainOptions, context: CliContext): void {
  const now = Date.now();
  const at = options.at === undefined ? now : parseMoment(options.at, "--at", now);
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    const { decisions } = ledger;
    const gpu = decisions.gpus().find((uuid) => uuid === options.why) ?? unknownGpu(options.why, decisions.gpus());
    const decision = decisions.inForce(gpu, unixMs(at)) ?? undecided(gpu, at);
    const inputs: unknown = JSON.parse(decision.inputs);
    const { success, data } = inputsSchema.safeParse(inputs);
    if (options.json) printJson(context, { ...toDecisionView(decision), inputs: success ? inputs : null });
    else context.print(toText(decision, data));
  } finally {
    ledger.close();
  }
}

function unknownGpu(gpu: string, known: readonly string[]): never {
  throw new UsageError(`no GPU ${JSON.stringify(gpu)} ever decided anything here`, {
    code: "ERR_RIG_UNKNOWN_GPU",
    mend: `take one of ${known.join(", ") || "none: the agent has not run yet"}`,
  });
}

function undecided(gpu: string, at: number): never {
  throw new UsageError(`GPU ${gpu} had decided nothing by ${sayTime(at)}`, {
    code: "ERR_USAGE",
    mend: "give a later time with --at",
  });
}

function toText({ gpu, at, mode, action, rule, why, ...route }: RecordedDecision, inputs: Inputs | undefined): string {
  const from = sayWorkload(route.from, route.fromName);
  const what = action === "keep" ? `keep ${from}` : `switch from ${from} to ${sayWorkload(route.to, route.toName)}`;
  const head = `GPU ${gpu}\n${sayTime(at)} UTC, mode ${mode}: ${what} (${rule})\nwhy     ${why}\n`;
  if (inputs === undefined) return `${head}what it was taken on is no longer kept\n`;
  return `${head}${toFacts(inputs)}\n\n${toTable(inputs)}\n\n${inputs.valuations.map((one) => `  ${one.why}\n`).join("")}`;
}

function toFacts(inputs: Inputs): string {
  const { queue, regretShare } = inputs;
  return [
    `owner   ${inputs.ownerWhy}`,
    `regret  ${regretShare === null ? UNKNOWN : `${(regretShare * 100).toFixed(0)} % of a switch's cost`}`,
    `switch  there and back ${sayLength(inputs.roundTripMs)}, ${sayMoney(inputs.roundTripCostUsd)}; ` +
      `${inputs.priceSwitchesToday} made for prices today, ` +
      `${inputs.gapSwitchesLastHour} for gaps in the hour`,
    `queue   ${queue.waiting} waiting, ${queue.active} active, worth ${sayMoney(queue.worthUsd)}`,
  ].join("\n");
}

const toTable = ({ valuations }: Inputs): string =>
  renderTable(
    HEADER,
    valuations.map((one) => [
      one.workload === "none" ? one.label : `${one.workload} ${one.label}`,
      one.rate,
      one.basis ?? UNKNOWN,
      one.price === null ? UNKNOWN : `${one.price} ${one.priceUnit ?? ""}`,
      sayWatts(one.powerW),
      sayMoney(one.revenueUsdPerHour),
      sayMoney(one.electricityUsdPerHour),
      sayMoney(one.netUsdPerHour),
    ]),
    RIGHT,
  );
