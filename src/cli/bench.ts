import type { BenchEvent, BenchRequest } from "../api/bench.ts";
import type { RigClient } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import type { GpuView } from "../api/shapes.ts";
import { MINER_NAMES } from "../config/mining-terms.ts";
import { isAbort, isRigError } from "../lib/errors.ts";
import { withStandaloneAgent } from "./bench-agent.ts";
import { parseLimits } from "./bench-limits.ts";
import { BenchProgress } from "./bench-progress.ts";
import { type BenchEnd, renderBench } from "./bench-table.ts";
import { type CliContext, findAgent, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { parseLength } from "./mode.ts";

export interface BenchOptions extends LocationOptions {
  readonly json?: true;
  readonly gpu?: string;
  readonly workload?: string;
  /** By name. */
  readonly sheet?: string;
  readonly for: string;
  /** Takes a GPU for the measurement off what it does. */
  readonly take?: true;
  readonly powerSweep?: string | true;
  /** The miner that runs now; with a value one that is not Rigshift's. */
  readonly adopt?: string | true;
  /** Takes a miner that does not say what it hashes at the operator's word. */
  readonly yes?: true;
}

/** Measures GPUs under the running agent, or under one that it starts for that where none runs over the configuration. */
export async function bench(options: BenchOptions, context: CliContext): Promise<void> {
  const wanted = toWanted(options);
  const client = await findAgentOrNone(options, context);
  if (client !== undefined) return await measure(client, wanted, options, context);
  await withStandaloneAgent(options, context, (own, inner) => measure(own, standalone(wanted), options, inner));
}

/** Nothing runs that could be taken off anything. */
const standalone = (wanted: Wanted): Wanted => (wanted.adopt === undefined ? { ...wanted, take: true } : wanted);

type Wanted = Omit<BenchRequest, "gpu">;

function toWanted({ workload = "hashing", sheet, for: length, take, powerSweep, adopt, yes }: BenchOptions): Wanted {
  if (workload !== "hashing" && workload !== "inference")
    throw usage(`--workload: got ${JSON.stringify(workload)}`, "give hashing or inference");
  if (adopt !== undefined && (take || powerSweep !== undefined))
    throw usage("--adopt touches nothing, so it takes neither --take nor --power-sweep", "leave one of them out");
  if (yes && typeof adopt !== "string")
    throw usage("--yes says what a miner of --adopt <program:port> hashes, and there is none", "leave it out");
  const forMs = parseLength(length);
  if (forMs > 3_600_000) throw usage(`--for: got ${JSON.stringify(length)}`, "give an hour at most");
  return {
    workload,
    forMs,
    ...(sheet === undefined ? {} : { sheet }),
    ...(take ? { take } : {}),
    ...(powerSweep === undefined ? {} : { powerLimitsW: parseLimits(powerSweep) }),
    ...(adopt === undefined ? {} : { adopt: adopt === true ? "own" : parseForeign(adopt, workload) }),
    ...(yes === undefined ? {} : { trustUntold: yes }),
  };
}

function parseForeign(text: string, workload: string): Exclude<BenchRequest["adopt"], "own" | undefined> {
  const [, name, port] = /^([a-z-]+):(\d{1,5})$/.exec(text) ?? [];
  const program = MINER_NAMES.find((known) => known === name);
  if (program !== undefined && Number(port) > 0 && Number(port) < 65_536 && workload === "hashing")
    return { program, port: Number(port) };
  throw usage(
    `--adopt: got ${JSON.stringify(text)}`,
    `give the miner's program and the port of its API on this machine, such as t-rex:4067; known are ${MINER_NAMES.join(", ")}`,
  );
}

const usage = (what: string, mend: string): UsageError => new UsageError(what, { code: "ERR_USAGE", mend });

/** Undefined where none runs and the configuration says what to start. */
async function findAgentOrNone(options: BenchOptions, context: CliContext): Promise<RigClient | undefined> {
  try {
    return await findAgent(options, context);
  } catch (error) {
    const isNone = isRigError(error) && error.facts.code === "ERR_AGENT_NOT_RUNNING";
    if (!isNone || options.config === undefined) throw error;
    return undefined;
  }
}

async function measure(client: RigClient, wanted: Wanted, options: BenchOptions, context: CliContext): Promise<void> {
  const { gpus } = await client.rig(context.signal);
  const chosen = gpus.filter(({ uuid }) => options.gpu === undefined || uuid === options.gpu);
  if (chosen.length === 0) throw unknownGpu(options.gpu, gpus);
  const uuids = chosen.map(({ uuid }) => uuid);
  const progress = new BenchProgress(uuids, context);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  try {
    const runs = uuids.map((gpu) => follow(client.bench({ gpu, ...wanted }, signal), gpu, progress));
    // One GPU that cannot be measured ends the others, whose limits and work are then set back, too.
    const ends = await Promise.all(runs).finally(() => stop.abort());
    progress.end();
    if (context.signal.aborted) return;
    const known = ends.filter((end) => end !== undefined);
    if (options.json) printJson(context, known);
    else context.print(renderBench(known, context.columns));
  } catch (error) {
    progress.end();
    if (!(isAbort(error) && context.signal.aborted)) throw error;
  }
}

async function follow(
  events: AsyncGenerator<BenchEvent, void>,
  gpu: string,
  progress: BenchProgress,
): Promise<BenchEnd | undefined> {
  for await (const event of events) {
    if (event.type === "progress") progress.tell(gpu, event.doing, event.part);
    if (event.type === "fault") throw toFault(event);
    if (event.type !== "end") continue;
    progress.done(gpu);
    return event;
  }
  return undefined;
}

const toFault = ({ code, message, mend }: Extract<BenchEvent, { readonly type: "fault" }>): ApiError =>
  new ApiError(message, { code: code as `ERR_${string}`, ...(mend === null ? {} : { mend }) });

function unknownGpu(wanted: string | undefined, gpus: readonly GpuView[]): UsageError {
  const known = gpus.map(({ uuid }) => uuid).join(", ") || "none";
  return new UsageError(`this rig has no GPU ${JSON.stringify(wanted ?? "")}`, {
    code: "ERR_RIG_UNKNOWN_GPU",
    mend: `it has ${known}`,
  });
}
