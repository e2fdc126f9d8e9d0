import { toPower, toTotal, valueAt } from "./answer.ts";
import { answerFault, fetchJson } from "./fetch-json.ts";
import type { WallMeter, WallReading } from "./wall-meter.ts";

/** Which method a model answers: plugs and relays, one-phase meters, three-phase meters. */
const METHODS = ["Switch", "PM1", "EM1"] as const;

/** A Shelly of the second generation or later: RPC, one channel. */
export function createShellyGen2(base: URL, channel: number): WallMeter {
  let method: (typeof METHODS)[number] | undefined;
  return {
    read: async (signal) => {
      let fault: unknown;
      for (const one of method === undefined ? METHODS : [method]) {
        try {
          const reading = await readBy(one, { base, channel }, signal);
          method = one;
          return reading;
        } catch (error) {
          if (signal.aborted) throw error;
          fault ??= error;
        }
      }
      throw fault;
    },
  };
}

async function readBy(
  method: (typeof METHODS)[number],
  { base, channel }: { readonly base: URL; readonly channel: number },
  signal: AbortSignal,
): Promise<WallReading> {
  const url = new URL(`rpc/${method}.GetStatus?id=${channel}`, base);
  const answer = await fetchJson(url, signal);
  if (method !== "EM1") {
    const reading = parseShellyGen2(answer);
    if (reading === undefined) throw answerFault(url, "no apower");
    return reading;
  }
  const data = await fetchJson(new URL(`rpc/EM1Data.GetStatus?id=${channel}`, base), signal);
  const reading = parseShellyEm1(answer, data);
  if (reading === undefined) throw answerFault(url, "no act_power");
  return reading;
}

/** Its total also counts what was fed back, so that is taken off. Undefined when the answer holds no power. */
function parseShellyGen2(answer: unknown): WallReading | undefined {
  const drawn = valueAt(answer, ["aenergy", "total"]);
  const returned = valueAt(answer, ["ret_aenergy", "total"]);
  return toReading(valueAt(answer, ["apower"]), netOf(drawn, returned));
}

/** The one-phase energy meter, which keeps power and totals in two places and counts drawn energy alone. */
const parseShellyEm1 = (answer: unknown, data: unknown): WallReading | undefined =>
  toReading(valueAt(answer, ["act_power"]), valueAt(data, ["total_act_energy"]));

const netOf = (drawn: unknown, returned: unknown): number | undefined =>
  typeof drawn === "number" ? drawn - (typeof returned === "number" ? returned : 0) : undefined;

function toReading(watts: unknown, wattHours: unknown): WallReading | undefined {
  const power = toPower(watts);
  const total = toTotal(wattHours);
  return power === undefined ? undefined : { power, ...(total === undefined ? {} : { total }) };
}
