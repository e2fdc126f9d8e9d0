import type { ModeName } from "../api/shapes.ts";
import { MODE_NAMES } from "../api/shapes.ts";
import { type CliContext, findAgent, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { sayTime } from "./wording.ts";

export interface ModeOptions extends LocationOptions {
  readonly json?: true;
  readonly gpu?: string;
  readonly for?: string;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Records the operator's order with the running agent; without a mode it prints the one in force. */
export async function mode(wanted: string | undefined, options: ModeOptions, context: CliContext): Promise<void> {
  const order = wanted === undefined ? undefined : parseMode(wanted);
  const forMs = options.for === undefined ? undefined : parseLength(options.for);
  const client = await findAgent(options, context);
  if (order === undefined) {
    const rig = await client.rig(context.signal);
    if (options.json) printJson(context, { mode: rig.mode });
    else context.print(`${rig.mode}\n`);
    return;
  }
  const { gpu } = options;
  const request = { mode: order, ...(gpu === undefined ? {} : { gpu }), ...(forMs === undefined ? {} : { forMs }) };
  const view = await client.setMode(request, context.signal);
  if (options.json) return printJson(context, view);
  const until = view.untilMs === null ? "" : ` until ${sayTime(view.untilMs)} UTC`;
  context.print(`mode ${view.mode}${view.gpu === null ? "" : ` for ${view.gpu}`}${until}\n`);
}

function parseMode(text: string): ModeName {
  const found = MODE_NAMES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`there is no mode ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend: `take one of ${MODE_NAMES.join(", ")}`,
  });
}

/** `90s`, `30m`, `2h` or `1d` in milliseconds. */
function parseLength(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const size = UNIT_MS[unit ?? ""];
  if (amount !== undefined && size !== undefined && Number(amount) > 0) return Number(amount) * size;
  throw new UsageError(`--for: got ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend: "give a length of time such as 90s, 30m, 2h or 1d",
  });
}
