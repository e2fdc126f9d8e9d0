import type { RigClient } from "../api/client.ts";
import type { GpuView } from "../api/shapes.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import { systemClock } from "../lib/clock.ts";
import { type Millis, minutes, seconds } from "../units/time.ts";
import { type CliContext, findAgent, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { parseLength } from "./mode.ts";
import { renderTable } from "./table.ts";
import { sayHps, sayLength, sayWatts, sayWorkload, UNKNOWN } from "./wording.ts";

export interface BenchOptions extends LocationOptions {
  readonly json?: true;
  readonly gpu?: string;
  readonly for: string;
  /** Puts a GPU to hashing for the measurement that does something else. */
  readonly take?: true;
}

const LOOK_EVERY = seconds(1);
const START_WITHIN = minutes(2);
const BAR = 30;
const HEADER = ["GPU", "LOOKS", "HASHRATE", "BASIS", "POWER", "J/MH", "STORED"];
const RIGHT = new Set(["LOOKS", "HASHRATE", "POWER", "J/MH"]);

/** Measures hashrate and watts of GPUs that hash under the running agent, which stores what it learns once a minute. */
export async function bench(options: BenchOptions, context: CliContext): Promise<void> {
  const length = parseLength(options.for);
  const client = await findAgent(options, context);
  const { gpus } = await client.rig(context.signal);
  const chosen = gpus.filter(({ uuid }) => options.gpu === undefined || uuid === options.gpu);
  if (chosen.length === 0) throw unknownGpu(options.gpu, gpus);
  const others = chosen.filter(({ workload }) => workload !== "hashing");
  const [other] = others;
  if (other !== undefined && !options.take) throw notHashing(other);
  const began = systemClock.now();
  for (const { uuid } of others)
    await client.setMode({ mode: "mine", gpu: uuid, forMs: length + START_WITHIN }, context.signal);
  const uuids = chosen.map(({ uuid }) => uuid);
  if (!(await start(client, uuids, context))) return;
  const looks = await measure({ client, uuids, length }, context);
  if (context.signal.aborted) return;
  const stored = storedSince(began, options, context);
  const lines = uuids.map((gpu) => toLine(gpu, looks.get(gpu) ?? [], stored.get(gpu)));
  if (options.json) printJson(context, lines);
  else context.print(`${renderTable(HEADER, lines.map(toRow), RIGHT)}\n`);
}

function unknownGpu(wanted: string | undefined, gpus: readonly GpuView[]): UsageError {
  const known = gpus.map(({ uuid }) => uuid).join(", ") || "none";
  return new UsageError(`this rig has no GPU ${JSON.stringify(wanted ?? "")}`, {
    code: "ERR_RIG_UNKNOWN_GPU",
    mend: `it has ${known}`,
  });
}

const notHashing = ({ uuid, workload }: GpuView): UsageError =>
  new UsageError(`GPU ${uuid} does not hash but ${workload === "none" ? "rests" : `does ${sayWorkload(workload)}`}`, {
    code: "ERR_USAGE",
    mend: "measure another with --gpu, or take it off that for the measurement with --take",
  });

const rateOf = (gpu: GpuView): number | null =>
  gpu.workload === "hashing" ? (gpu.hashrateEffectiveHps ?? gpu.hashrateReportedHps) : null;

/** Until every GPU hashes at a known rate; false when told to stop. */
async function start(client: RigClient, uuids: readonly string[], { signal }: CliContext): Promise<boolean> {
  const deadline = systemClock.monotonic() + START_WITHIN;
  while (!signal.aborted) {
    const { gpus } = await client.rig(signal);
    const late = gpus.find((gpu) => uuids.includes(gpu.uuid) && rateOf(gpu) === null);
    if (late === undefined) return true;
    if (systemClock.monotonic() > deadline)
      throw new UsageError(`GPU ${late.uuid} tells no hashrate: ${late.why}`, {
        code: "ERR_BENCH_NO_RATE",
        mend: "see `rigshift status` for what keeps it from hashing",
      });
    await systemClock.wait(LOOK_EVERY, signal);
  }
  return false;
}

interface Measurement {
  readonly client: RigClient;
  readonly uuids: readonly string[];
  readonly length: Millis;
}

/** What each GPU showed, a look a second; a GPU that stops hashing meanwhile is not looked at. */
async function measure({ client, uuids, length }: Measurement, context: CliContext) {
  const looks = new Map<string, GpuView[]>(uuids.map((uuid) => [uuid, []]));
  const began = systemClock.monotonic();
  for (let passed = 0; passed < length && !context.signal.aborted; passed = systemClock.monotonic() - began) {
    const { gpus } = await client.rig(context.signal);
    for (const gpu of gpus) if (rateOf(gpu) !== null) looks.get(gpu.uuid)?.push(gpu);
    showProgress(passed / length, length - passed, context);
    await systemClock.wait(LOOK_EVERY, context.signal);
  }
  if (context.isTerminal) context.printError("\r\x1b[K");
  return looks;
}

function showProgress(part: number, leftMs: number, { isTerminal, printError }: CliContext): void {
  const full = Math.round(part * BAR);
  if (isTerminal) printError(`\r\x1b[K${"█".repeat(full)}${"░".repeat(BAR - full)} ${sayLength(leftMs)} left`);
}

/** What the agent has stored of hashing since then. */
function storedSince(began: number, options: LocationOptions, context: CliContext) {
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    const fresh = ledger.benchmarks.list().filter(({ unit, at }) => unit === "H/s" && at >= began);
    return new Map<string, number>(fresh.map(({ gpu, rate }) => [gpu, rate]));
  } finally {
    ledger.close();
  }
}

function toLine(gpu: string, looks: readonly GpuView[], stored: number | undefined) {
  const isEffective = looks.length > 0 && looks.every(({ hashrateEffectiveHps }) => hashrateEffectiveHps !== null);
  const hashrateHps = meanOf(looks.flatMap((look) => rateOf(look) ?? []));
  const powerW = meanOf(looks.flatMap((look) => look.powerW ?? []));
  return {
    gpu,
    looks: looks.length,
    hashrateHps,
    basis: looks.length === 0 ? null : isEffective ? "effective" : "reported",
    powerW,
    joulesPerMegahash:
      hashrateHps === null || powerW === null || hashrateHps === 0 ? null : powerW / (hashrateHps / 1e6),
    storedHps: stored ?? null,
  };
}

const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

const toRow = (line: ReturnType<typeof toLine>): readonly string[] => [
  line.gpu,
  String(line.looks),
  sayHps(line.hashrateHps),
  line.basis ?? UNKNOWN,
  sayWatts(line.powerW),
  line.joulesPerMegahash === null ? UNKNOWN : line.joulesPerMegahash.toPrecision(3),
  line.storedHps === null ? "not yet: the agent stores once a minute" : sayHps(line.storedHps),
];
