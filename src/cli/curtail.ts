import { type CliContext, findAgent, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { parseMoment } from "./moment.ts";
import { sayTime, sayWatts } from "./wording.ts";

export interface CurtailOptions extends LocationOptions {
  readonly json?: true;
  readonly maxW?: string;
  readonly until?: string;
  readonly off?: true;
}

/** Orders the running agent to keep the whole rig under so many watts, or lifts that order. */
export async function curtail(options: CurtailOptions, context: CliContext): Promise<void> {
  const request = toRequest(options, Date.now());
  const client = await findAgent(options, context);
  const view = await client.curtail(request, context.signal);
  if (options.json) return printJson(context, view);
  const { maxW, untilMs, restW } = view;
  const words =
    maxW === null || untilMs === null ? "no limit" : `at most ${sayWatts(maxW)} until ${sayTime(untilMs)} UTC`;
  const isTooLow = maxW !== null && restW !== null && restW > maxW;
  const doubt = isTooLow ? `; even at rest the rig draws about ${sayWatts(restW)}` : "";
  context.print(`curtail: ${words}${doubt}\n`);
}

function toRequest({ maxW, until, off }: CurtailOptions, now: number) {
  if (off && maxW === undefined && until === undefined) return { maxW: null };
  if (off || maxW === undefined || until === undefined)
    throw new UsageError("curtail needs a limit and its end, or --off alone", {
      code: "ERR_USAGE",
      mend: "give --max-w 400 --until 2h, or --off to lift the limit",
    });
  const limit = Number(maxW);
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(maxW))
    throw new UsageError(`--max-w: got ${JSON.stringify(maxW)}`, { code: "ERR_USAGE", mend: "give watts such as 400" });
  return { maxW: limit, untilMs: endOf(until, now) };
}

const TO_COME = "give a time to come: a length such as 2h, or a UTC time such as 2099-01-31T14:00";

/** `2h` from now on, or a time to come. */
function endOf(until: string, now: number): number {
  const isLength = /^\d{1,6}[smhd]$/.test(until);
  const at = parseMoment(until, "--until", now, TO_COME);
  const end = isLength ? 2 * now - at : at;
  if (end > now) return Math.round(end);
  throw new UsageError(`--until: ${JSON.stringify(until)} has passed`, {
    code: "ERR_USAGE",
    mend: TO_COME,
  });
}
