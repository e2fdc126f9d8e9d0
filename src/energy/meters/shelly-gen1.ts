import type { Millis } from "../../units/time.ts";
import { sumOf, toPower, toTotal, valueAt } from "./answer.ts";
import { answerFault, fetchJson } from "./fetch-json.ts";
import type { WallMeter, WallReading } from "./wall-meter.ts";

/** Plugs count watt-minutes, the EM family (EM, 3EM) watt-hours. */
const WATT_MINUTES_PER_WH = 60;

/** A first-generation Shelly: `/status`; all channels, of a 3EM the three phases, added up. */
export function createShellyGen1(base: URL, timeout: Millis): WallMeter {
  const url = new URL("status", base);
  return {
    read: async (signal) => {
      const reading = parseShellyGen1(await fetchJson(url, signal, timeout));
      if (reading === undefined) throw answerFault(url, "no meters with a valid power of 0 or more");
      return reading;
    },
  };
}

/** Undefined when the answer holds no power. */
function parseShellyGen1(answer: unknown): WallReading | undefined {
  const emeters = toMeters(answer, "emeters");
  const meters = emeters ?? toMeters(answer, "meters");
  if (meters === undefined) return undefined;
  const power = toPower(sumOf(meters.map(powerOf)));
  const perWh = emeters === undefined ? WATT_MINUTES_PER_WH : 1;
  const total = toTotal(sumOf(meters.map((meter) => netWattHours(meter, perWh))));
  return power === undefined ? undefined : { power, ...(total === undefined ? {} : { total }) };
}

/** A model without such meters leaves the list out, or empty. */
function toMeters(answer: unknown, key: "emeters" | "meters"): readonly unknown[] | undefined {
  const meters = valueAt(answer, [key]);
  return Array.isArray(meters) && meters.length > 0 && meters.length <= 8 ? meters : undefined;
}

/** A channel that measures nothing right now says so and shows 0. */
const powerOf = (meter: unknown): number | undefined =>
  valueAt(meter, ["is_valid"]) === false ? undefined : toPower(valueAt(meter, ["power"]));

function netWattHours(meter: unknown, perWh: number): number | undefined {
  const total = valueAt(meter, ["total"]);
  const returned = valueAt(meter, ["total_returned"]);
  if (typeof total !== "number") return undefined;
  return (total - (typeof returned === "number" ? returned : 0)) / perWh;
}
