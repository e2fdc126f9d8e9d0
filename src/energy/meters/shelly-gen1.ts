import { sumOf, toPower, toTotal, valueAt } from "./answer.ts";
import { answerFault, fetchJson } from "./fetch-json.ts";
import type { WallMeter, WallReading } from "./wall-meter.ts";

/** Plugs count watt-minutes, the EM family watt-hours. */
const WATT_MINUTES_PER_WH = 60;

/** A first-generation Shelly: `/status`; all channels added up. */
export function createShellyGen1(base: URL): WallMeter {
  const url = new URL("status", base);
  return {
    read: async (signal) => {
      const reading = parseShellyGen1(await fetchJson(url, signal));
      if (reading === undefined) throw answerFault(url, "no meters with a power");
      return reading;
    },
  };
}

/** Undefined when the answer holds no power. */
function parseShellyGen1(answer: unknown): WallReading | undefined {
  const emeters = valueAt(answer, ["emeters"]);
  const meters = Array.isArray(emeters) ? emeters : valueAt(answer, ["meters"]);
  if (!Array.isArray(meters) || meters.length > 8) return undefined;
  const power = toPower(sumOf(meters.map((meter: unknown) => toPower(valueAt(meter, ["power"])))));
  const perWh = Array.isArray(emeters) ? 1 : WATT_MINUTES_PER_WH;
  const wattHours = sumOf(meters.map((meter: unknown) => netWattHours(meter, perWh)));
  const total = toTotal(wattHours);
  return power === undefined ? undefined : { power, ...(total === undefined ? {} : { total }) };
}

function netWattHours(meter: unknown, perWh: number): number | undefined {
  const total = valueAt(meter, ["total"]);
  const returned = valueAt(meter, ["total_returned"]);
  if (typeof total !== "number") return undefined;
  return (total - (typeof returned === "number" ? returned : 0)) / perWh;
}
