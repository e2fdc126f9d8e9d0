import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { systemCodeOf } from "../lib/errors.ts";
import { BASELINES } from "../policy/baselines/all.ts";
import { ReplayError } from "../policy/errors.ts";
import { coalescing, DEFAULT_GAP_RULE, GAP_RULES } from "../policy/gap/rules.ts";
import { DEFAULT_PRICE_RULE, OUR_RULES } from "../policy/price/rules.ts";
import { type GapReport, replayRequests } from "../policy/replay/gap-replay.ts";
import { type PriceReport, replayPrices } from "../policy/replay/price-replay.ts";
import { parseRequests } from "../policy/replay/requests.ts";
import { type PairCost, pairCosts, parsePriceTrace, type SwitchSeconds, uniformCost } from "../policy/replay/trace.ts";
import { type CliContext, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { renderTable } from "./table.ts";

export interface ReplayOptions {
  readonly trace?: string;
  readonly cost?: readonly string[];
  readonly costS?: string;
  readonly minDwellS?: string;
  readonly requests?: string;
  readonly prefillTokS?: string;
  readonly decodeTokS?: string;
  readonly wakeS?: string;
  readonly backS?: string;
  readonly usdPerMtokIn?: string;
  readonly usdPerMtokOut?: string;
  readonly mineUsdH?: string;
  readonly maxWaitS?: string;
  readonly json?: true;
}

const LARGEST_FILE = 256 * 1024 * 1024;

/** Runs every rule over a recorded trace, with nothing touched and no agent needed. */
export function replay(options: ReplayOptions, context: CliContext): void {
  const { trace, requests } = options;
  if ((trace === undefined) === (requests === undefined))
    throw usage("nothing to replay, or two things", "give either --trace FILE or --requests FILE");
  if (trace !== undefined) replayTrace(resolve(context.cwd, trace), options, context);
  else if (requests !== undefined) replayGaps(resolve(context.cwd, requests), options, context);
}

function replayTrace(file: string, options: ReplayOptions, context: CliContext): void {
  const trace = parsed(file, parsePriceTrace);
  const costs = readCosts(options, trace.workloads);
  const minDwell = toNumber("--min-dwell-s", options.minDwellS ?? "0");
  const rules = [...OUR_RULES, ...BASELINES];
  const report = replayPrices(trace, { costs, minDwell }, rules, DEFAULT_PRICE_RULE.name);
  if (options.json) printJson(context, report);
  else context.print(`${renderPrices(report, context.columns)}\n${PRICE_WORDS}`);
}

function replayGaps(file: string, options: ReplayOptions, context: CliContext): void {
  refuseMissing(options);
  const terms = {
    prefillTokensPerS: toPositive("--prefill-tok-s", options.prefillTokS),
    decodeTokensPerS: toPositive("--decode-tok-s", options.decodeTokS),
    wake: needed("--wake-s", options.wakeS),
    back: needed("--back-s", options.backS),
    usdPerMtokIn: needed("--usd-per-mtok-in", options.usdPerMtokIn),
    usdPerMtokOut: needed("--usd-per-mtok-out", options.usdPerMtokOut),
    mineUsdPerHour: toSigned("--mine-usd-h", options.mineUsdH),
  };
  const { maxWaitS } = options;
  const rules = maxWaitS === undefined ? GAP_RULES : [...GAP_RULES, coalescing(toNumber("--max-wait-s", maxWaitS))];
  const report = replayRequests(parsed(file, parseRequests), terms, rules, DEFAULT_GAP_RULE.name);
  if (options.json) printJson(context, report);
  else context.print(`${renderGaps(report, context.columns)}\n${GAP_WORDS}`);
}

function parsed<Trace>(file: string, parse: (text: string) => Trace): Trace {
  const text = readTrace(file);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error;
    throw new ReplayError(`${file}: ${error.message}`, error.facts, { cause: error });
  }
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

const NUMBER = /^[+-]?(?:\d{1,15}\.?\d*|\.\d+)(?:e[+-]?\d{1,2})?$/i;

function toNumber(option: string, text: string): number {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (value >= 0) return value;
  throw usage(`${option}: got ${JSON.stringify(text)}`, "give a plain number that is not negative");
}

const NEEDED = {
  prefillTokS: "--prefill-tok-s",
  decodeTokS: "--decode-tok-s",
  wakeS: "--wake-s",
  backS: "--back-s",
  usdPerMtokIn: "--usd-per-mtok-in",
  usdPerMtokOut: "--usd-per-mtok-out",
  mineUsdH: "--mine-usd-h",
} as const;

/** All at once: one by one they would take seven tries. */
function refuseMissing(options: ReplayOptions): void {
  const missing = Object.entries(NEEDED).filter(([key]) => options[key as keyof typeof NEEDED] === undefined);
  if (missing.length === 0) return;
  const names = missing.map(([, option]) => option).join(", ");
  throw usage(`--requests without ${names}`, "give them too; `rigshift replay --help` says what each is");
}

function needed(option: string, text: string | undefined): number {
  if (text === undefined) throw usage(`${option} is missing`, "give it beside --requests");
  return toNumber(option, text);
}

/** Hashing may lose money. */
function toSigned(option: string, text: string | undefined): number {
  return text?.startsWith("-") ? -needed(option, text.slice(1)) : needed(option, text);
}

function toPositive(option: string, text: string | undefined): number {
  const value = needed(option, text);
  if (value > 0) return value;
  throw usage(`${option}: got 0`, "give a number above 0");
}

const usage = (what: string, mend: string, cause?: unknown): UsageError =>
  new UsageError(what, { code: "ERR_USAGE", mend }, { cause });

const PRICE_HEADER = ["POLICY", "NET USD", "SWITCHES", "REVENUE SHARE", "NET UPSIDE", "LOSS RATIO"];
const PRICE_RIGHT = new Set(PRICE_HEADER.slice(1));

const PRICE_WORDS =
  "clairvoyant: the best that knows every price to come. REVENUE SHARE: net, of its net. NET UPSIDE: what is earned beyond the\n" +
  "best single workload, of what it earns beyond that. LOSS RATIO: what is lost against free switching, over what it loses.\n";

function renderPrices({ policies, clairvoyant, bestSingle, idealUsd }: PriceReport, columns?: number): string {
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
  return renderTable(PRICE_HEADER, [...rows, known, single, ideal], { right: PRICE_RIGHT, columns });
}

const GAP_HEADER = ["POLICY", "NET USD", "MINING", "WASTE RATIO", "WAIT P50", "WAIT P99", "SWITCHES/H"];
const GAP_RIGHT = new Set(GAP_HEADER.slice(1));

const GAP_WORDS =
  "no-wait clairvoyant: knows every arrival and lets nobody wait; it hashes in each gap longer than wake and back together.\n" +
  "A policy that lets customers wait answers several at once, has longer gaps, and may so earn more: see its waits beside its net.\n" +
  "WASTE RATIO: time in which the GPU neither served nor hashed, over the no-wait clairvoyant's.\n";

function renderGaps({ policies, clairvoyant }: GapReport, columns?: number): string {
  const rows = policies.map((policy) => [
    `${policy.name}${policy.default ? " (default)" : ""}`,
    policy.netUsd.toFixed(6),
    sayPart(policy.miningShare),
    policy.wasteRatio?.toFixed(3) ?? "–",
    `${policy.waitP50S.toFixed(2)} s`,
    `${policy.waitP99S.toFixed(2)} s`,
    policy.switchesPerHour?.toFixed(1) ?? "–",
  ]);
  const known = [
    "no-wait clairvoyant",
    clairvoyant.netUsd.toFixed(6),
    sayPart(clairvoyant.miningShare),
    "1.000",
    "0.00 s",
    "0.00 s",
  ];
  return renderTable(GAP_HEADER, [...rows, known], { right: GAP_RIGHT, columns });
}

const sayPart = (part: number | null): string => (part === null ? "–" : `${(100 * part).toFixed(2)} %`);
