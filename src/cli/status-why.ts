import { z } from "zod";
import { toDecisionView } from "../api/rows.ts";
import type { RecordedDecision } from "../ledger/decisions.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import { unixMs } from "../units/time.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { parseMoment } from "./moment.ts";
import { renderTable, wrapLines } from "./table.ts";
import { sayLength, sayMoney, sayTime, sayWatts, sayWorkload, UNKNOWN } from "./wording.ts";

export interface ExplainOptions extends LocationOptions {
  readonly json?: true;
  readonly why: string | true;
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
const SPARE = ["WALL", "POWER/H", "REVENUE/H"];

/** What one GPU decided, or each of them, with all it rested on, from the ledger alone: an agent need not run. */
export function explain(options: ExplainOptions, context: CliContext): void {
  const now = Date.now();
  const at = options.at === undefined ? now : parseMoment(options.at, "--at", now);
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    const { decisions } = ledger;
    const gpus = gpusOf(options.why, decisions.gpus());
    const found = gpus.flatMap((gpu) => decisions.inForce(gpu, unixMs(at)) ?? []);
    if (found.length === 0) undecided(gpus, at);
    const views = found.map(toView);
    if (options.json) printJson(context, options.why === true ? views : views[0]);
    else context.print(found.map((one) => toText(one, context.columns)).join("\n"));
  } finally {
    ledger.close();
  }
}

function gpusOf(wanted: string | true, known: readonly GpuUuid[]): readonly GpuUuid[] {
  const gpus = known.filter((uuid) => wanted === true || uuid === wanted);
  if (gpus.length > 0) return gpus;
  throw new UsageError(wanted === true ? "nothing was decided here yet" : `there is no GPU ${JSON.stringify(wanted)}`, {
    code: "ERR_RIG_UNKNOWN_GPU",
    mend:
      known.length === 0
        ? "start the agent, or point at its data with --config or --data-dir"
        : `take one of ${known.join(", ")}, or give --why alone for all of them`,
  });
}

/** What was kept of what the decision rested on, if it still is. */
function inputsOf(decision: RecordedDecision) {
  const inputs: unknown = JSON.parse(decision.inputs);
  const { success, data } = inputsSchema.safeParse(inputs);
  return success ? { inputs, known: data } : undefined;
}

const toView = (decision: RecordedDecision) => ({
  ...toDecisionView(decision),
  inputs: inputsOf(decision)?.inputs ?? null,
});

function undecided(gpus: readonly string[], at: number): never {
  throw new UsageError(`GPU ${gpus.join(", ")} had decided nothing by ${sayTime(at)} UTC`, {
    code: "ERR_USAGE",
    mend: "give a later time with --at",
  });
}

function toText(decision: RecordedDecision, columns: number | undefined): string {
  const { gpu, at, mode, action, rule, why, ...route } = decision;
  const inputs = inputsOf(decision)?.known;
  const from = sayWorkload(route.from, route.fromName);
  const what = action === "keep" ? `keep ${from}` : `switch from ${from} to ${sayWorkload(route.to, route.toName)}`;
  const head = `GPU ${gpu}\n${sayTime(at)} UTC, mode ${mode}: ${what} (${rule})\nwhy     ${why}\n`;
  if (inputs === undefined) return wrapLines(`${head}what it was taken on is no longer kept\n`, columns);
  const reasons = inputs.valuations.map((one) => `  ${one.why}\n`).join("");
  return `${wrapLines(`${head}${toFacts(inputs, why)}`, columns)}\n\n${toTable(inputs, columns)}\n\n${wrapLines(reasons, columns)}`;
}

/** The owner's reason is left out where it is the decision's own. */
function toFacts(inputs: Inputs, why: string): string {
  const { queue, regretShare } = inputs;
  return [
    ...(inputs.ownerWhy === why ? [] : [`owner   ${inputs.ownerWhy}`]),
    `regret  ${regretShare === null ? UNKNOWN : `${(regretShare * 100).toFixed(0)} % of the way to a switch`}`,
    `switch  there and back ${sayLength(inputs.roundTripMs)}, ${sayMoney(inputs.roundTripCostUsd)}; ` +
      `${inputs.priceSwitchesToday} made for prices today, ` +
      `${inputs.gapSwitchesLastHour} for gaps in the hour`,
    `queue   ${queue.waiting} waiting, ${queue.active} active, worth ${sayMoney(queue.worthUsd)}`,
  ].join("\n");
}

const toTable = ({ valuations }: Inputs, columns: number | undefined): string =>
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
    { right: RIGHT, spare: SPARE, columns },
  );
