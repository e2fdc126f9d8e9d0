import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { systemCodeOf } from "../lib/errors.ts";
import { BASELINES } from "../policy/baselines/all.ts";
import { DEFAULT_PRICE_RULE, OUR_RULES } from "../policy/price/rules.ts";
import { type PriceReport, replayPrices } from "../policy/replay/price-replay.ts";
import { type PairCost, pairCosts, parsePriceTrace, type SwitchSeconds, uniformCost } from "../policy/replay/trace.ts";
import { type CliContext, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { renderTable } from "./table.ts";

export interface ReplayOptions {
  readonly trace?: string;
  readonly cost?: readonly string[];
  readonly costS?: string;
  readonly minDwellS?: string;
  readonly json?: true;
}

const LARGEST_FILE = 256 * 1024 * 1024;

/** Runs every rule over a recorded trace, with nothing touched and no agent needed. */
export function replay(options: ReplayOptions, context: CliContext): void {
  const { trace: file } = options;
  if (file === undefined) throw usage("nothing to replay", "give --trace FILE");
  const trace = parsePriceTrace(readTrace(resolve(context.cwd, file)));
  const costs = readCosts(options, trace.workloads);
  const minDwell = toNumber("--min-dwell-s", options.minDwellS ?? "0");
  const rules = [...OUR_RULES, ...BASELINES];
  const report = replayPrices(trace, { costs, minDwell }, rules, DEFAULT_PRICE_RULE.name);
  if (options.json) printJson(context, report);
  else context.print(`${renderPrices(report)}\n`);
}

function readTrace(file: string): string {
  try {
    if (statSync(file).size <= LARGEST_FILE) return readFileSync(file, "utf8");
  } catch (error) {
    const why = systemCodeOf(error) === "ENOENT" ? "there is no such file" : "it cannot be read";
    throw usage(`${file}: ${why}`, "name a CSV file that this user may read", error);
  }
  throw usage(`${file}: more than 256 MiB`, "cut the trace into shorter ones");
}

function readCosts({ cost, costS }: ReplayOptions, workloads: readonly string[]): SwitchSeconds {
  if (costS !== undefined && cost !== undefined) throw usage("both --cost and --cost-s", "give one of them");
  if (costS !== undefined) return uniformCost(workloads.length, toNumber("--cost-s", costS));
  if (cost === undefined)
    throw usage("no switch cost", "give --cost-s SECONDS, or --cost from:to=SECONDS for every pair");
  return pairCosts(workloads, cost.map(toPairCost));
}

function toPairCost(text: string): PairCost {
  const equals = text.lastIndexOf("=");
  if (equals < 0) throw usage(`--cost: got ${JSON.stringify(text)}`, "write from:to=SECONDS");
  return { pair: text.slice(0, equals), seconds: toNumber("--cost", text.slice(equals + 1)) };
}

function toNumber(option: string, text: string): number {
  const value = /^\d{1,12}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw usage(`${option}: got ${JSON.stringify(text)}`, "give a plain number that is not negative");
}

const usage = (what: string, mend: string, cause?: unknown): UsageError =>
  new UsageError(what, { code: "ERR_USAGE", mend }, { cause });

const PRICE_HEADER = ["POLICY", "NET USD", "SWITCHES", "REVENUE SHARE", "NET UPSIDE", "LOSS RATIO"];

function renderPrices({ policies, clairvoyant, bestSingle, idealUsd }: PriceReport): string {
  const rows = policies.map((policy) => [
    `${policy.name}${policy.default ? " (default)" : ""}`,
    policy.netUsd.toFixed(4),
    String(policy.switches),
    sayPart(policy.revenueShare),
    sayPart(policy.netUpside),
    policy.lossRatio === null ? "–" : policy.lossRatio.toFixed(3),
  ]);
  const known = ["clairvoyant", clairvoyant.netUsd.toFixed(4), String(clairvoyant.switches), "", "", ""];
  const single = [`only ${bestSingle.workload}`, bestSingle.netUsd.toFixed(4), String(bestSingle.switches), "", "", ""];
  const ideal = ["free switching", idealUsd.toFixed(4), "", "", "", ""];
  return renderTable(PRICE_HEADER, [...rows, known, single, ideal], new Set(PRICE_HEADER.slice(1)));
}

const sayPart = (part: number | null): string => (part === null ? "–" : `${(100 * part).toFixed(2)} %`);
