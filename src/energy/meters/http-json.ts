import type { Millis } from "../../units/time.ts";
import { toPower, toTotal, valueAt } from "./answer.ts";
import { answerFault, fetchJson } from "./fetch-json.ts";
import type { WallMeter, WallReading } from "./wall-meter.ts";

/** Where the numbers stand in a meter's JSON (RFC 6901). */
export interface JsonPlaces {
  /** To watts. */
  readonly power: string;
  /** To a total in kilowatt-hours. */
  readonly totalKwh?: string;
}

/** Any meter that answers JSON over HTTP. */
export function createHttpJson(url: URL, places: JsonPlaces, timeout: Millis): WallMeter {
  return {
    read: async (signal) => {
      const reading = parseHttpJson(await fetchJson(url, signal, timeout), places);
      if (reading === undefined) throw answerFault(url, `no number of 0 or more at ${places.power}`);
      return reading;
    },
  };
}

/** Numbers may come as text. Undefined when the answer holds no power. */
function parseHttpJson(answer: unknown, { power: powerAt, totalKwh }: JsonPlaces): WallReading | undefined {
  const power = toPower(toNumber(valueAt(answer, keysOf(powerAt))));
  const kilowattHours = totalKwh === undefined ? undefined : toNumber(valueAt(answer, keysOf(totalKwh)));
  const total = toTotal(kilowattHours === undefined ? undefined : kilowattHours * 1000);
  return power === undefined ? undefined : { power, ...(total === undefined ? {} : { total }) };
}

const keysOf = (pointer: string): string[] =>
  pointer === ""
    ? []
    : pointer
        .slice(1)
        .split("/")
        .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));

const toNumber = (value: unknown): number | undefined => {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^-?\d{1,15}(\.\d{1,12})?$/.test(value.trim()) ? Number(value) : undefined;
};
