import type { Millis } from "../../units/time.ts";
import { WallMeterError } from "../errors.ts";
import { toPower, toTotal, valueAt } from "./answer.ts";
import { answerFault, createDeadline, type Deadline, fetchJson } from "./fetch-json.ts";
import type { WallMeter, WallReading } from "./wall-meter.ts";

/**
 * Relays and plugs with a meter (`Switch`), meters alone (`PM1`), energy meters by single phase (`EM1`: EM, Pro EM, and
 * 3EM set to `monophase`), and by all three phases at once (`EM`: 3EM as delivered). A model answers 404 to the others.
 */
const METHODS = ["Switch", "PM1", "EM1", "EM"] as const;
type Method = (typeof METHODS)[number];

/** Where an energy meter keeps its power and, under another method, its total. */
const ENERGY_METERS = {
  EM1: { power: "act_power", data: "EM1Data", total: "total_act_energy" },
  EM: { power: "total_act_power", data: "EMData", total: "total_act" },
} as const;

/** A Shelly of the second generation or later: RPC, one channel. `timeout` is for all questions of one reading. */
export function createShellyGen2(base: URL, channel: number, timeout: Millis): WallMeter {
  const ask = (method: string, within: Deadline) =>
    fetchJson(new URL(`rpc/${method}.GetStatus?id=${channel}`, base), within.signal, within.left());
  let known: Method | undefined;
  return {
    read: async (signal) => {
      const within = createDeadline(signal, timeout);
      let fault: unknown;
      for (const method of known === undefined ? METHODS : [known]) {
        try {
          const reading = await readBy(method, base, (name) => ask(name, within));
          known = method;
          return reading;
        } catch (error) {
          // Only a device that answers may know another method; next time it may also be another device.
          if (!isAnswerFault(error)) throw error;
          known = undefined;
          fault ??= error;
        }
      }
      throw fault;
    },
  };
}

const isAnswerFault = (error: unknown): boolean =>
  error instanceof WallMeterError && error.facts.code === "ERR_WALL_METER_ANSWER";

type Ask = (method: string) => Promise<unknown>;

async function readBy(method: Method, base: URL, ask: Ask): Promise<WallReading> {
  const answer = await ask(method);
  if (method === "Switch" || method === "PM1") {
    const drawn = valueAt(answer, ["aenergy", "total"]);
    // Its total also counts what was fed back.
    const returned = valueAt(answer, ["ret_aenergy", "total"]);
    return toReading(base, "apower", valueAt(answer, ["apower"]), netOf(drawn, returned));
  }
  const { power, data, total } = ENERGY_METERS[method];
  const reading = toReading(base, power, valueAt(answer, [power]), undefined);
  const wattHours = valueAt(await totalsOf(data, ask), [total]);
  return toReading(base, power, reading.power, wattHours);
}

/** A meter that keeps no totals still tells its power. */
async function totalsOf(data: string, ask: Ask): Promise<unknown> {
  try {
    return await ask(data);
  } catch (error) {
    if (isAnswerFault(error)) return undefined;
    throw error;
  }
}

const netOf = (drawn: unknown, returned: unknown): number | undefined =>
  typeof drawn === "number" ? drawn - (typeof returned === "number" ? returned : 0) : undefined;

function toReading(base: URL, key: string, value: unknown, wattHours: unknown): WallReading {
  const power = toPower(value);
  const total = toTotal(wattHours);
  if (power === undefined) throw answerFault(base, `no ${key} of 0 or more`);
  return { power, ...(total === undefined ? {} : { total }) };
}
