import type { Millis } from "../../units/time.ts";
import { sumOf, toPower, toTotal, valueAt } from "./answer.ts";
import { answerFault, fetchJson } from "./fetch-json.ts";
import type { WallMeter, WallReading } from "./wall-meter.ts";

/** A plug with Tasmota: `Status 8`. */
export function createTasmota(base: URL, timeout: Millis): WallMeter {
  const url = new URL("cm?cmnd=Status%208", base);
  return {
    read: async (signal) => {
      const reading = parseTasmota(await fetchJson(url, signal, timeout));
      if (reading === undefined) throw answerFault(url, "no StatusSNS.ENERGY.Power of 0 or more");
      return reading;
    },
  };
}

/** Undefined when the answer holds no power; several phases come as a list and are added up. */
function parseTasmota(answer: unknown): WallReading | undefined {
  const energy = valueAt(answer, ["StatusSNS", "ENERGY"]);
  const power = toPower(added(valueAt(energy, ["Power"])));
  const kilowattHours = added(valueAt(energy, ["Total"]));
  const total = toTotal(kilowattHours === undefined ? undefined : kilowattHours * 1000);
  return power === undefined ? undefined : { power, ...(total === undefined ? {} : { total }) };
}

const added = (value: unknown): number | undefined =>
  sumOf((Array.isArray(value) ? value.slice(0, 8) : [value]).map((one) => (typeof one === "number" ? one : undefined)));
