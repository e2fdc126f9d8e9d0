import { readAgentFile } from "../api/agent-file.ts";
import { systemClock } from "../lib/clock.ts";
import { seconds } from "../units/time.ts";
import { type CliContext, findAgent, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { type ProfitView, renderProfit } from "./profit-table.ts";
import { whatIf } from "./profit-what-if.ts";

export interface ProfitOptions extends LocationOptions {
  readonly json?: true;
  readonly watch?: true;
  /** What if these were the prices; no agent is asked. */
  readonly market?: string;
  /** What if these were the GPUs and their rates; no agent is asked. */
  readonly benchmarks?: string;
}

const WATCH_EVERY = seconds(5);
const CLEAR = "\x1b[H\x1b[J";

/** Every workload each GPU could do, what it is worth after electricity, and what the agent does now and why. */
export async function profit(options: ProfitOptions, context: CliContext): Promise<void> {
  const look = await lookerOf(options, context);
  do {
    const view = await look();
    if (context.signal.aborted) return;
    show(view, options, context);
    if (options.watch) await systemClock.wait(WATCH_EVERY, context.signal);
  } while (options.watch && !context.signal.aborted);
}

async function lookerOf(options: ProfitOptions, context: CliContext): Promise<() => Promise<ProfitView>> {
  const { market, benchmarks } = options;
  if (market !== undefined || benchmarks !== undefined)
    return () => Promise.resolve(whatIf({ ...options, market, benchmarks }, context));
  const client = await findAgent(options, context);
  const isOwnFile = readAgentFile(findDataDir(options, context))?.config !== undefined;
  return async () => {
    const [rig, valuations] = await Promise.all([client.rig(context.signal), client.valuations(context.signal)]);
    const gpus = rig.gpus.map(({ uuid, name, workload, workName, why, askFloorUsdPerHour, roundTripCostUsd }) => ({
      gpu: uuid,
      name,
      workload,
      workName,
      why,
      askFloorUsdPerHour,
      roundTripCostUsd,
      valuations: valuations.filter(({ gpu }) => gpu === uuid),
      leftOut: [],
    }));
    const { nowMs, market, coinPrices, wouldHaveByDay } = rig;
    const { electricityUsdPerKwh, electricitySource, electricityUntilMs } = rig;
    const electricity = { electricityUsdPerKwh, electricitySource, electricityUntilMs };
    const isTryOut = !isOwnFile && market.invented;
    return { nowMs, isTryOut, market, coinPrices, electricity, gpus, wouldHaveByDay };
  };
}

/** Watched on a terminal, each look stands where the one before stood; elsewhere below it, as JSON in one line. */
function show(view: ProfitView, { json, watch }: ProfitOptions, context: CliContext): void {
  if (!json) context.print(framed(renderProfit(view, context.columns), watch, context));
  else if (watch) context.print(`${JSON.stringify(view)}\n`);
  else printJson(context, view);
}

const framed = (text: string, watch: true | undefined, { isTerminal }: CliContext): string =>
  watch ? (isTerminal ? `${CLEAR}${text}` : `${text}\n`) : text;
