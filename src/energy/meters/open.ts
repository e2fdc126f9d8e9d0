import type { Millis } from "../../units/time.ts";
import { METER_TIMEOUT } from "./fetch-json.ts";
import { createHttpJson } from "./http-json.ts";
import { createShellyGen1 } from "./shelly-gen1.ts";
import { createShellyGen2 } from "./shelly-gen2.ts";
import { createTasmota } from "./tasmota.ts";
import type { WallMeter } from "./wall-meter.ts";

/** `power.wall.meter` of the configuration; only the operator names addresses, so private ones are fine. */
export type WallMeterConfig =
  | { readonly kind: "shelly-gen1" | "tasmota"; readonly url: string }
  | { readonly kind: "shelly-gen2"; readonly url: string; readonly channel: number }
  | { readonly kind: "http-json"; readonly url: string; readonly power: string; readonly totalKwh?: string };

/** A reading takes at most `timeout`, however many questions it needs. */
export function openWallMeter(config: WallMeterConfig, timeout: Millis = METER_TIMEOUT): WallMeter {
  const url = new URL(config.url);
  switch (config.kind) {
    case "shelly-gen1":
      return createShellyGen1(url, timeout);
    case "shelly-gen2":
      return createShellyGen2(url, config.channel, timeout);
    case "tasmota":
      return createTasmota(url, timeout);
    case "http-json":
      return createHttpJson(url, config, timeout);
  }
}
