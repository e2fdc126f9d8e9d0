import type { RigClient } from "../api/client.ts";
import type { GpuView, ModeName, RigView } from "../api/shapes.ts";
import { MODE_NAMES } from "../api/shapes.ts";
import { ownOrders, sayRentedOut } from "../api/words.ts";
import { type Millis, millis } from "../units/time.ts";
import { type CliContext, findAgent, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { sayMode } from "./wording.ts";

export interface ModeOptions extends LocationOptions {
  readonly json?: true;
  readonly gpu?: string;
  readonly for?: string;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 30 * 86_400_000;

/** Records the operator's order with the running agent; without a mode it prints what is in force. */
export async function mode(wanted: string | undefined, options: ModeOptions, context: CliContext): Promise<void> {
  const order = wanted === undefined ? undefined : parseMode(wanted);
  const forMs = options.for === undefined ? undefined : parseLength(options.for);
  const client = await findAgent(options, context);
  const rig = await client.rig(context.signal);
  const gpu = options.gpu === undefined ? undefined : findGpu(rig, options.gpu);
  if (order === undefined) return printModes(rig, gpu, options, context);
  await give({ order, gpu, forMs, before: rig }, client, options, context);
  if (gpu === undefined && !options.json) context.print(sayEnded(rig, options));
}

interface Order {
  readonly order: ModeName;
  readonly gpu: GpuView | undefined;
  readonly forMs: number | undefined;
  /** The rig as it was told until now. */
  readonly before: RigView;
}

async function give(
  { order, gpu, forMs, before }: Order,
  client: RigClient,
  { json }: ModeOptions,
  context: CliContext,
) {
  const request = {
    mode: order,
    ...(gpu === undefined ? {} : { gpu: gpu.uuid }),
    ...(forMs === undefined ? {} : { forMs }),
  };
  const view = await client.setMode(request, context.signal);
  if (json) return printJson(context, view);
  const rented = sayRentedOut(order, gpu === undefined ? before.gpus : [gpu]);
  const words = `mode ${sayMode(view.mode, view.untilMs)}${view.gpu === null ? "" : `, only ${view.gpu}`}`;
  context.print(`${words}${rented === undefined ? "" : `; ${rented}`}\n`);
}

/** The orders of single GPUs that one for the whole rig ends, or stands in for as long as it is in force. */
function sayEnded(rig: RigView, { for: length }: ModeOptions): string {
  const what = length === undefined ? "ended the order of" : "until then it stands in for that of";
  return describeOrders(rig)
    .map((line) => `${what} ${line}\n`)
    .join("");
}

const toModeView = ({ mode, modeUntilMs }: RigView | GpuView, gpu: string | null) => ({
  mode,
  gpu,
  untilMs: modeUntilMs,
});

/** The rig's mode with the GPUs that have another, or that of one GPU. */
function printModes(rig: RigView, gpu: GpuView | undefined, { json }: ModeOptions, context: CliContext): void {
  const asked = gpu ?? rig;
  if (json) {
    const view = toModeView(asked, gpu?.uuid ?? null);
    printJson(context, gpu ? view : { ...view, gpus: rig.gpus.map((one) => toModeView(one, one.uuid)) });
    return;
  }
  const orders = gpu === undefined ? describeOrders(rig) : [];
  context.print([sayMode(asked.mode, asked.modeUntilMs), ...orders, ""].join("\n"));
}

/** One line for each GPU whose mode is not the rig's. */
export const describeOrders = (rig: RigView): readonly string[] =>
  ownOrders(rig).map(({ index, uuid, mode: own, modeUntilMs }) => `GPU ${index} ${uuid}: ${sayMode(own, modeUntilMs)}`);

function findGpu({ gpus }: RigView, wanted: string): GpuView {
  const found = gpus.find(({ uuid }) => uuid === wanted);
  if (found !== undefined) return found;
  const known = gpus.map(({ uuid }) => uuid).join(", ") || "none";
  const isUuid = /^(GPU|MIG|CPU|SIM)-/.test(wanted);
  if (isUuid)
    throw new UsageError(`this rig has no GPU ${JSON.stringify(wanted)}`, {
      code: "ERR_RIG_UNKNOWN_GPU",
      mend: `it has ${known}`,
    });
  throw new UsageError(`--gpu: ${JSON.stringify(wanted)} is no UUID, and numbers change when a card is lost`, {
    code: "ERR_USAGE",
    mend: `take the UUID from \`rigshift gpus\`: ${known}`,
  });
}

function parseMode(text: string): ModeName {
  const found = MODE_NAMES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`there is no mode ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend: `take one of ${MODE_NAMES.join(", ")}`,
  });
}

/** `90s`, `30m`, `2h` or `1d` of a `--for`; throws `ERR_USAGE`. */
export function parseLength(text: string): Millis {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const size = UNIT_MS[unit ?? ""];
  const length = Number(amount) * (size ?? Number.NaN);
  if (length > 0 && length <= LONGEST_MS) return millis(length);
  throw new UsageError(`--for: got ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend: "give a length of time such as 90s, 30m, 2h or 1d, at most 30d",
  });
}
